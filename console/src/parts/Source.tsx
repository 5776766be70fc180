/** Text as a machine reads it, which may be wider or longer than its place. */

export function Source({ children }: { children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
    <pre className="code" tabIndex={0}>
      {children}
    </pre>
  );
}

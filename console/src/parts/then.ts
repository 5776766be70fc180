/** Where somebody goes on who was sent here to do something first: `?then=` with an address of this console. */
import { useSearchParams } from "react-router";

/** An address of this console, whatever a link said. */
export function inside(address: string | null): string | null {
  return address?.startsWith("/") && !address.startsWith("//") && !address.startsWith("/\\") ? address : null;
}

/** `then` is where to go on, null where nobody was sent; `onTheWay` takes it along to another page. */
export function useThen() {
  const then = inside(useSearchParams()[0].get("then"));
  const onTheWay = (to: string) => (then ? sent(to, then) : to);
  return { then, onTheWay };
}

/** To a page, and from there on to another. */
export function sent(to: string, then: string): string {
  return `${to}?then=${encodeURIComponent(then)}`;
}

import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  createTheme,
  Modal,
  PasswordInput,
  Select,
  Table,
  TextInput,
} from "@mantine/core";

/** Calm and dense: one sea colour for what can be done, greys for the rest, 14 px text, hairlines instead of shadows. */
export const theme = createTheme({
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "Liberation Mono", monospace',
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.3" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.4" },
      h3: { fontSize: "0.9375rem" },
    },
  },
  fontSizes: { xs: "0.75rem", sm: "0.875rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  primaryColor: "sea",
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  colors: {
    sea: ["#e9f8f9", "#d3eef0", "#a6dde2", "#76cbd3", "#4fb9c3", "#35a6b2", "#1f919d", "#127e89", "#0b6e78", "#04545d"],
    dark: ["#d5d9dd", "#b3bac1", "#8f98a1", "#66707a", "#434c56", "#323a43", "#262d35", "#1b2128", "#14191f", "#0e1216"],
    gray: ["#f7f8f9", "#f0f2f3", "#e4e8ea", "#d3d9dc", "#bcc4c9", "#98a3aa", "#6f7b83", "#535f67", "#384249", "#1f272c"],
  },
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
    Alert: Alert.extend({ defaultProps: { variant: "light", radius: 8 } }),
    Badge: Badge.extend({
      defaultProps: { variant: "light", radius: "sm" },
      styles: { label: { textTransform: "none", fontWeight: 560 } },
    }),
    Button: Button.extend({ defaultProps: { fw: 560 } }),
    Card: Card.extend({ defaultProps: { withBorder: true, radius: 10, padding: "md" } }),
    Modal: Modal.extend({ defaultProps: { centered: true, radius: 10, closeButtonProps: { "aria-label": "Close" } } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: "sm" } }),
    Select: Select.extend({ defaultProps: { size: "sm", allowDeselect: false } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: "xs", horizontalSpacing: "sm", highlightOnHover: true } }),
    TextInput: TextInput.extend({ defaultProps: { size: "sm" } }),
  },
});

/** A project's first page. */
import { Navigate } from "react-router";

export function Component() {
  return <Navigate to="catalog/destinations" replace />;
}

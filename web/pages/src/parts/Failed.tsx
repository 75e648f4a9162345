import { useRouteError } from "react-router";
import { Doubt } from "./Doubt.tsx";

/** A page that fell is told, with a way on. */
export function Failed() {
  const error = useRouteError();
  return (
    <main className="mx-auto max-w-3xl p-6">
      <Doubt error={error} again={() => location.assign("/")} />
    </main>
  );
}

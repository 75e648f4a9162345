import { Skeleton } from "antd";

/** What is being done, and the shape of what comes. */
export function Waiting({ what, rows = 4 }: { what: string; rows?: number }) {
  return (
    <div role="status" className="space-y-3">
      <p className="text-soft">{what}</p>
      <Skeleton active title={false} paragraph={{ rows }} />
    </div>
  );
}

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../parts/Doubt.tsx";
import { Mark } from "../parts/Mark.tsx";
import { save } from "../parts/save.ts";
import { useTimes } from "../parts/time.ts";
import { Waiting } from "../parts/Waiting.tsx";
import type { BlockView, TransactionView } from "../wallet/calls.ts";
import { useStatus, wallet } from "../wallet/hooks.ts";
import { csv } from "./csv.ts";
import { Entry } from "./Entry.tsx";
import { slice } from "./feed.ts";
import { Search } from "./Search.tsx";
import { filters, type Kind } from "./sentence.ts";

type Filter = "all" | keyof typeof filters;

function shows(filter: Filter, { act }: TransactionView): boolean {
  const kinds: readonly Kind[] | undefined = filter === "all" ? undefined : filters[filter];
  return kinds?.includes(act.kind) ?? true;
}

/** A block with what the filter leaves of it. */
function left(block: BlockView, filter: Filter): BlockView {
  return { ...block, transactions: block.transactions.filter((each) => shows(filter, each)) };
}

function useFeed(filter: Filter) {
  const client = useQueryClient();
  return useInfiniteQuery({
    queryKey: ["feed", filter],
    initialPageParam: undefined as number | undefined,
    queryFn: async ({ pageParam }) => {
      const from = pageParam ?? (await wallet.call("status")).latest.height;
      return slice(client, from, (block) => left(block, filter).transactions.length);
    },
    getNextPageParam: (page) => page.next,
    staleTime: Infinity,
  });
}

function Blocks({ blocks }: { blocks: BlockView[] }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const groups: (BlockView | number)[] = [];
  for (const block of blocks) {
    const last = groups.at(-1);
    if (block.transactions.length > 0) groups.push(block);
    else if (typeof last === "number") groups[groups.length - 1] = last + 1;
    else groups.push(1);
  }
  return groups.map((group, place) =>
    typeof group === "number" ? (
      <p key={`quiet-${place}`} className="px-5 text-sm text-soft">
        {t("explorer.quiet", { count: group })}
      </p>
    ) : (
      <section key={group.id} className="overflow-hidden rounded-card border border-line bg-raised">
        <h2 className="flex items-baseline justify-between gap-3 border-b border-line px-5 py-2 text-sm font-normal text-soft">
          <time dateTime={new Date(group.time).toISOString()} title={exact(group.time)}>
            {when(group.time)}
          </time>
          <Link to={`/explorer/block/${group.height}`}>
            {t("explorer.block", { height: group.height })}
          </Link>
        </h2>
        <ul className="divide-y divide-line">
          {group.transactions.map((transaction) => (
            <Entry key={transaction.id} transaction={transaction} />
          ))}
        </ul>
      </section>
    ),
  );
}

function Latest() {
  const { t } = useTranslation();
  const { ago } = useTimes();
  const latest = useStatus().data?.latest;
  return (
    <p className="min-h-6 text-sm text-soft">
      {latest && t("explorer.latest", { height: latest.height, when: ago(latest.time) })}
    </p>
  );
}

export default function Explorer() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<Filter>("all");
  const feed = useFeed(filter);
  const client = useQueryClient();
  const latest = useStatus().data?.latest.height;
  const blocks = feed.data?.pages.flatMap(({ blocks }) => blocks.map((each) => left(each, filter)));
  const count = blocks?.reduce((sum, { transactions }) => sum + transactions.length, 0) ?? 0;
  const first = blocks?.[0]?.height;
  const error = feed.error ?? feed.data?.pages.at(-1)?.error;
  const anew = () => void client.resetQueries({ queryKey: ["feed", filter] });
  const isBehind = latest !== undefined && first !== undefined && latest > first;
  return (
    <div className="space-y-5">
      <div>
        <h1 className="text-[22px] font-semibold">{t("explorer.title")}</h1>
        <p className="mt-1 text-soft">{t("explorer.lead")}</p>
        <Latest />
      </div>
      <Search />
      <div className="-mx-4 overflow-x-auto px-4 md:mx-0 md:px-0">
        <Segmented<Filter>
          aria-label={t("explorer.filter.label")}
          value={filter}
          onChange={setFilter}
          options={(["all", "people", "records", "access", "medicine"] as const).map((value) => ({
            value,
            label: t(`explorer.filter.${value}`),
          }))}
        />
      </div>
      {isBehind && (
        <Button block onClick={anew}>
          {t("explorer.newer")}
        </Button>
      )}
      {error !== undefined && error !== null && <Doubt error={error} again={anew} />}
      {feed.isPending && <Waiting what={t("wait.blocks")} rows={6} />}
      {blocks && (
        <>
          {count === 0 ? (
            <p className="rounded-card border border-line bg-raised px-5 py-8 text-center text-soft">
              {t("explorer.empty")}
            </p>
          ) : (
            <Blocks blocks={blocks} />
          )}
          <div className="flex flex-wrap items-center gap-3">
            {count > 0 && (
              <>
                <span className="flex flex-1 items-center gap-2 text-sm text-soft">
                  <Mark />
                  {t("explorer.count", { count })}
                </span>
                <Button onClick={() => save("chain.csv", csv(blocks), "text/csv")}>
                  {t("explorer.csv")}
                </Button>
              </>
            )}
            {feed.hasNextPage && (
              <Button
                type="primary"
                loading={feed.isFetchingNextPage}
                onClick={() => void feed.fetchNextPage()}
              >
                {t("explorer.older")}
              </Button>
            )}
          </div>
          {!feed.hasNextPage && !error && (
            <p className="text-sm text-soft">{t("explorer.begin")}</p>
          )}
        </>
      )}
    </div>
  );
}

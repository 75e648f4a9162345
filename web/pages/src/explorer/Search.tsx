import { useQueryClient } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import type { BlockView } from "../wallet/calls.ts";
import { target } from "./target.ts";

export function Search() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A block that was shown is known by its id too; nodes find blocks by number only.
    const known = queries.getQueriesData<BlockView>({ queryKey: ["block"] });
    const height = known.find(([, block]) => block?.id === text.trim().toLowerCase())?.[1]?.height;
    const to = height === undefined ? target(text) : `/explorer/block/${height}`;
    setWrong(to === undefined);
    if (to !== undefined) void navigate(to);
  };
  return (
    <form role="search" onSubmit={submit} className="space-y-1">
      <label htmlFor="asked" className="mb-1 block text-sm text-soft">
        {t("explorer.search.label")}
      </label>
      <div className="flex gap-2">
        <Input
          id="asked"
          value={text}
          placeholder={t("explorer.search.hint")}
          autoComplete="off"
          spellCheck={false}
          {...(wrong
            ? { status: "error" as const, "aria-invalid": true, "aria-describedby": "wrong" }
            : {})}
          onChange={(event) => setText(event.target.value)}
        />
        <Button type="primary" htmlType="submit">
          {t("explorer.search.button")}
        </Button>
      </div>
      {wrong && (
        <p id="wrong" role="alert" className="text-sm text-cinnabar">
          {t("explorer.searchWrong")}
        </p>
      )}
    </form>
  );
}

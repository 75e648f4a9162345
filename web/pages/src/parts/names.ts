// Members by their names, as the proven register has them.
import { useTranslation } from "react-i18next";
import { useConsortium } from "../wallet/hooks.ts";

export type NameOf = (member: string) => string;

export function useNames(): NameOf {
  const { t } = useTranslation();
  const members = useConsortium().data?.members;
  return (member) => {
    const known = members?.find(({ id }) => id === member);
    return known?.name ?? t("explorer.someone", { id: member.slice(0, 8) });
  };
}

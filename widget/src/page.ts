const CAMPAIGN = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
// Links for signing in and for resetting passwords carry these. Whoever reads them could use them.
const SECRET =
  /([?&#](?:code|[^=&#]*(?:token|secret|passw|signature|api_?key|session_?id|otp|e-?mail)[^=&#]*)=)[^&#]*/gi;

export const withoutSecrets = (url: string): string => url.replace(SECRET, "$1***");

export type Page = Record<string, string>;

/** The page, as Segment's `context.page`. The server derives path, domain and campaign from the addresses. */
export const currentPage = (): Page => ({
  url: withoutSecrets(location.href),
  title: document.title,
  referrer: withoutSecrets(document.referrer),
});

/** How somebody first came here, by the names of PostHog's SDKs. */
export function arrival(): Record<string, string> {
  const { url, referrer } = currentPage();
  const found: Record<string, string> = { $initial_current_url: url!, $initial_referrer: referrer || "$direct" };
  const parameters = new URLSearchParams(location.search);
  for (const name of CAMPAIGN) if (parameters.has(name)) found[`$initial_${name}`] = parameters.get(name)!;
  return found;
}

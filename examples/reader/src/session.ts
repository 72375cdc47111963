export const API = `${location.origin}/graphql`;

export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

const REFRESH = `
  mutation Refresh($token: String!) {
    refreshTokens(input: { refreshToken: $token }) { tokens { accessToken refreshToken } }
  }
`;

let tokens: Tokens | null = null;
let renewing: Promise<boolean> | null = null;

export const session = {
  begin(given: Tokens): void {
    tokens = given;
  },
  end(): void {
    tokens = null;
  },
  headers(): Record<string, string> {
    return tokens ? { Authorization: `Bearer ${tokens.accessToken}` } : {};
  },
  /** Whether there are new tokens now. If not, all requests are refused until there is a log-in, or `end`. */
  renew(): Promise<boolean> {
    renewing ??= exchange().finally(() => (renewing = null));
    return renewing;
  },
};

async function exchange(): Promise<boolean> {
  if (!tokens) return false;
  const answer = await fetch(API, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: REFRESH, variables: { token: tokens.refreshToken } }),
  });
  const renewed: Tokens | null = (await answer.json()).data?.refreshTokens.tokens ?? null;
  tokens = renewed ?? tokens;
  return renewed !== null;
}

// Who is logged in, and their tokens.
//
// They are in memory. Only while the page is away, to be reloaded for instance, they are in the tab's session
// storage: a duplicate of the tab would renew them too, and a refresh token that comes back ends the session.

import { ask } from "./http.js";

const KEPT = "gazette:session";
const SOON = 60_000; // Milliseconds before its expiry in which an access token is renewed.

const ISSUED = `
  tokens { accessToken accessTokenExpiresAt refreshToken }
  viewer { username }
  userErrors { message }
`;
const LOG_IN = `mutation ExplorerLogIn($input: LogInInput!) { issued: logIn(input: $input) { ${ISSUED} } }`;
const RENEW = `mutation ExplorerRenew($input: RefreshTokensInput!) {
  issued: refreshTokens(input: $input) { ${ISSUED} }
}`;
const LOG_OUT = "mutation ExplorerLogOut { logOut(input: {}) { endedSessions } }";

export class Account {
  #session = taken();
  #renewing = null;
  #watchers = new Set();

  constructor() {
    addEventListener("pagehide", () => this.#session && sessionStorage.setItem(KEPT, JSON.stringify(this.#session)));
    // Who comes back to a page that was only hidden finds everything in memory.
    addEventListener("pageshow", () => sessionStorage.removeItem(KEPT));
  }

  /** Call `watcher` whenever somebody else is logged in; returns what ends that. */
  watch = (watcher) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Who is logged in, or null. */
  username = () => this.#session?.username ?? null;

  /** An access token that is good for a while, or null. */
  async token() {
    if (this.#session && Date.parse(this.#session.accessTokenExpiresAt) - Date.now() < SOON) {
      await this.renew();
    }
    return this.#session?.accessToken ?? null;
  }

  /** Why it cannot be done, in the API's words, or null when it is done. */
  async logIn(username, password) {
    const { session, problem } = await issued(LOG_IN, { username, password });
    if (session) {
      this.#become(session);
    }
    return problem;
  }

  /** Whether there are new tokens now. One renewal serves all who wait for it. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew() {
    const old = this.#session;
    if (!old) {
      return false;
    }
    const { session, isRefused } = await issued(RENEW, { refreshToken: old.refreshToken });
    // A server that does not answer ends no session, and who has logged out meanwhile stays so.
    if ((session || isRefused) && this.#session === old) {
      this.#become(session);
    }
    return this.#session !== null && this.#session !== old;
  }

  /** Whatever the answer is: a token that is refused is worth nothing already. */
  async logOut() {
    const token = await this.token();
    this.#become(null);
    if (token) {
      await ask({ query: LOG_OUT }, { authorization: `Bearer ${token}` });
    }
  }

  #become(session) {
    this.#session = session;
    this.#watchers.forEach((watcher) => watcher());
  }
}

/** What was kept while the page was away; nobody else finds it. */
function taken() {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return JSON.parse(kept);
}

/** The session that a mutation has given out, or null and what was wrong; `isRefused` where asking again is no use. */
async function issued(query, input) {
  const { data, errors } = await ask({ query, variables: { input } });
  const payload = data?.issued;
  if (payload?.tokens) {
    return { session: { username: payload.viewer.username, ...payload.tokens }, problem: null };
  }
  const [{ message }] = errors ?? payload.userErrors;
  return { session: null, problem: message, isRefused: Boolean(payload) };
}

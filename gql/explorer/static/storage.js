// Tabs, history and settings, over a reload. Under a name of ours: other GraphiQLs may have had the same address.

const HISTORY = ["graphiql:queries", "graphiql:favorites"];

export const storage = GraphiQL.createLocalStorage({ namespace: "gazette" });

const { setItem } = storage;

// GraphiQL keeps the headers of its history even where it keeps no others, and they may have a token.
storage.setItem = (key, value) => setItem(key, HISTORY.includes(key) ? withoutHeaders(value) : value);

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history), (key, value) => (key === "headers" ? undefined : value));
}

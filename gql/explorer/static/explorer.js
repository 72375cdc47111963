import { Account } from "./account.js";
import { FEED, PUBLISHED } from "./examples.js";
import { fetcherFor } from "./fetcher.js";
import { LogIn } from "./login.js";
import { storage } from "./storage.js";

// Dialogs and menus stop the page from scrolling by a style element, which the content security policy forbids:
// browsers would report even an empty one. This page never scrolls, so they get an element that does nothing.
const createElement = document.createElement.bind(document);
document.createElement = (name, ...options) => createElement(name === "style" ? "template" : name, ...options);

const account = new Account();

const logo = React.createElement(
  "a",
  { className: "graphiql-logo-link", href: "https://github.com/graphql/graphiql", target: "_blank", rel: "noreferrer" },
  ...["Graph", React.createElement("em", null, "i"), "QL"],
);

ReactDOM.createRoot(document.getElementById("explorer")).render(
  React.createElement(
    GraphiQL,
    {
      fetcher: fetcherFor(account),
      storage,
      defaultQuery: FEED,
      defaultTabs: [{ query: FEED }, { query: PUBLISHED }],
      // A token in a header stays out of the browser's storage.
      shouldPersistHeaders: false,
    },
    React.createElement(GraphiQL.Logo, null, React.createElement(LogIn, { account }), logo),
  ),
);

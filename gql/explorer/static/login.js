// Logging in and out: a button beside GraphiQL's logo, and its dialog.

const { Button, Dialog, UnStyledButton } = GraphiQL.React;
const element = React.createElement;

// On one's own machine, as `make serve` has it. Elsewhere nobody is told of accounts that may be there.
const IS_LOCAL = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

export function LogIn({ account }) {
  const username = React.useSyncExternalStore(account.watch, account.username);
  const [isOpen, setOpen] = React.useState(false);
  const opener = React.useRef(null);
  const close = () => {
    setOpen(false);
    // As soon as the dialog is gone, and what is behind it can be used again.
    setTimeout(() => opener.current.focus());
  };
  return element(
    React.Fragment,
    null,
    element(
      UnStyledButton,
      {
        ref: opener,
        type: "button",
        className: "explorer-account",
        "aria-haspopup": "dialog",
        "aria-label": username ? `${username}, logged in` : "Log in",
        onClick: () => setOpen(true),
      },
      element(Person),
      element("span", null, username ?? "Log in"),
    ),
    element(
      Dialog,
      { open: isOpen, onOpenChange: (open) => !open && close() },
      username ? element(LoggedIn, { account, username, close }) : element(Form, { account, close }),
    ),
  );
}

function Form({ account, close }) {
  const [problem, setProblem] = React.useState("");
  const submit = async (event) => {
    event.preventDefault();
    const { username, password } = event.target.elements;
    setProblem("");
    const found = await account.logIn(username.value, password.value);
    if (found === null) {
      close();
      return;
    }
    setProblem(found);
    password.select();
  };
  return element(
    "form",
    { onSubmit: submit },
    element(Header, { title: "Log in" }),
    element(
      "div",
      { className: "explorer-fields" },
      element(Field, { name: "username", label: "Username or email", autoComplete: "username", autoFocus: true }),
      element(Field, { name: "password", label: "Password", type: "password", autoComplete: "current-password" }),
      element("p", { className: "explorer-problem", role: "alert" }, problem),
      element(Button, { type: "submit", className: "explorer-submit" }, "Log in"),
      element(
        Dialog.Description,
        { className: "graphiql-dialog-section-caption" },
        "An Authorization in the Headers tab counts in place of the log-in.",
      ),
      IS_LOCAL && element(DemoAccounts),
    ),
  );
}

function DemoAccounts() {
  const code = (text) => element("code", null, text);
  return element(
    "p",
    { className: "graphiql-dialog-section-caption" },
    ...["In the demo data ", code("ada"), " is an admin and ", code("ben"), " an editor. "],
    ...["Their password is ", code("gazette-demo"), "."],
  );
}

function LoggedIn({ account, username, close }) {
  const logOut = () => {
    close();
    account.logOut();
  };
  return element(
    React.Fragment,
    null,
    element(Header, { title: `Logged in as ${username}` }),
    element(
      "div",
      { className: "explorer-fields" },
      element(
        Dialog.Description,
        { className: "graphiql-dialog-section-caption" },
        "Queries, mutations and subscriptions have an access token, which is renewed. ",
        "An Authorization in the Headers tab counts in its place.",
      ),
      element(Button, { type: "button", className: "explorer-submit", onClick: logOut }, "Log out"),
    ),
  );
}

function Header({ title }) {
  return element(
    "div",
    { className: "graphiql-dialog-header" },
    element(Dialog.Title, { className: "graphiql-dialog-title" }, title),
    element(Dialog.Close),
  );
}

function Field({ label, ...input }) {
  return element("label", { className: "explorer-field" }, label, element("input", { ...input, required: true }));
}

function Person() {
  return element(
    "svg",
    { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", strokeWidth: 1.5, "aria-hidden": true },
    element("circle", { cx: 8, cy: 5, r: 3 }),
    element("path", { d: "M2 14.5c0-3 2.5-5 6-5s6 2 6 5", strokeLinecap: "round" }),
  );
}

import { useMutation } from "@apollo/client/react";
import { useEffect, useRef } from "react";

import { graphql } from "./gql";
import { problemOf } from "./problems";
import { useViewer } from "./viewer";

const LogInWith = graphql(`
  mutation LogIn($username: String!, $password: String!) {
    logIn(input: { username: $username, password: $password }) {
      tokens { accessToken refreshToken }
      viewer { id username name }
      userErrors { code message }
    }
  }
`);

export function LogIn({ onClose }: { onClose: () => void }) {
  const { logIn } = useViewer();
  const [send, { data, error, loading }] = useMutation(LogInWith);
  const problem = problemOf(data?.logIn.userErrors, error);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  // Closed by itself, it gives the focus back to where it was.
  const close = () => dialog.current?.close();

  async function submit(form: FormData) {
    const variables = { username: String(form.get("username")), password: String(form.get("password")) };
    const { tokens, viewer } = (await send({ variables }).catch(() => null))?.data?.logIn ?? {};
    if (!tokens || !viewer) return;
    logIn(tokens, viewer);
    close();
  }

  return (
    <dialog ref={dialog} className="log-in" aria-labelledby="log-in" onClose={onClose}>
      {/* Not by `action`, which would empty the form. */}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <h2 id="log-in">Log in</h2>
        <label>
          Username
          <input name="username" autoComplete="username" autoCapitalize="none" required autoFocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p className="hint">
          All demo users have the password <code>gazette-demo</code>: <code>ada</code> is an admin, <code>ben</code> an
          editor.
        </p>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <div className="actions">
          <button disabled={loading}>Log in</button>
          <button type="button" className="quiet" onClick={close}>Cancel</button>
        </div>
      </form>
    </dialog>
  );
}

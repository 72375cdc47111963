import { useState } from "react";

import { useConnection } from "./connection";
import { Feed } from "./Feed";
import { LogIn } from "./LogIn";
import { PostPage } from "./PostPage";
import { useSlug } from "./route";
import { useViewer } from "./viewer";

export function App() {
  const slug = useSlug();
  const [isLoggingIn, setLoggingIn] = useState(false);
  const askToLogIn = () => setLoggingIn(true);
  return (
    <>
      <Masthead onLogIn={askToLogIn} />
      <Notices />
      <main>{slug ? <PostPage key={slug} slug={slug} onLogIn={askToLogIn} /> : <Feed />}</main>
      {isLoggingIn && <LogIn onClose={() => setLoggingIn(false)} />}
    </>
  );
}

function Masthead({ onLogIn }: { onLogIn: () => void }) {
  const { viewer, logOut } = useViewer();
  return (
    <header className="masthead">
      <a className="name" href="#/">Gazette</a>
      <div className="account">
        {viewer && <span>{viewer.name ?? viewer.username}</span>}
        <button className="quiet" onClick={viewer ? logOut : onLogIn}>{viewer ? "Log out" : "Log in"}</button>
      </div>
    </header>
  );
}

/** What concerns the whole page. The region is there before its text, or nobody would be told. */
function Notices() {
  const { isAway } = useConnection();
  const { isOver } = useViewer();
  return (
    <div className="notices" role="status">
      {isAway && <p>The server does not answer. Trying again until it does; what you typed is kept.</p>}
      {isOver && <p>Your session is over: log in again. What you typed is still there.</p>}
    </div>
  );
}

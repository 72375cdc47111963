import type { TypedDocumentNode } from "@apollo/client";
import { useMutation } from "@apollo/client/react";
import { type FormEvent, useId, useState } from "react";

import { problemOf } from "./problems";

interface Text {
  id: string;
  version: number;
  body?: string | null;
}

interface Data {
  outcome: { now?: Text | null; userErrors: { code: string; message: string }[] };
}

type Variables = { id: string; text: string; expectedVersion: number };

interface Props {
  mutation: TypedDocumentNode<Data, Variables>;
  label: string;
  entity: Text;
  onDone: () => void;
}

/**
 * Changes a text, and says which version it changes. Where that is another one meanwhile, the answer is a conflict: both
 * texts are shown, and only whoever has seen the other one can put their own in its place.
 */
export function Editor({ mutation, label, entity, onDone }: Props) {
  // What the cache hears of later is not what was read before typing.
  const [base, setBase] = useState(entity);
  const [text, setText] = useState(entity.body ?? "");
  const [theirs, setTheirs] = useState<Text | null>(null);
  const [send, { data, error, loading }] = useMutation(mutation);
  const problem = problemOf(data?.outcome.userErrors, error);
  const isConflict = theirs !== null;
  const id = useId();

  async function save(event: FormEvent) {
    event.preventDefault();
    const variables = { id: base.id, text, expectedVersion: base.version };
    const outcome = (await send({ variables }).catch(() => null))?.data?.outcome;
    if (!outcome) return;
    if (!outcome.userErrors.length) return onDone();
    if (outcome.now && outcome.userErrors.some(({ code }) => code === "CONFLICT")) {
      setTheirs(outcome.now);
      setBase(outcome.now);
    }
  }

  return (
    <form className={isConflict ? "editor conflict" : "editor"} onSubmit={save}>
      {isConflict ? (
        <div role="alert" className="explained">
          <h3>This was changed while you were writing</h3>
          <p>Yours is not saved yet. Change it as you like and keep it, or take theirs.</p>
        </div>
      ) : (
        problem && <p className="problem" role="alert">{problem}</p>
      )}
      <div className="texts">
        <div>
          <label htmlFor={id}>{isConflict ? "Yours" : label}</label>
          <textarea id={id} value={text} onChange={(event) => setText(event.target.value)} required autoFocus />
        </div>
        {theirs && (
          <div>
            <h4>Theirs, as it is now</h4>
            <pre className="theirs" tabIndex={0}>{theirs.body}</pre>
          </div>
        )}
      </div>
      <div className="actions">
        <button disabled={loading}>{isConflict ? "Keep mine" : "Save"}</button>
        <button type="button" className="quiet" onClick={onDone}>{isConflict ? "Take theirs" : "Cancel"}</button>
      </div>
    </form>
  );
}

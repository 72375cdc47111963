import { useMutation } from "@apollo/client/react";
import { type FormEvent, useId, useState } from "react";

import { append } from "./commentCache";
import { graphql } from "./gql";
import { problemOf } from "./problems";
import { useViewer } from "./viewer";

const CreateComment = graphql(`
  mutation CreateComment($input: CreateCommentInput!) {
    createComment(input: $input) {
      commentEdge { ...NewComment }
      userErrors { code message }
    }
  }
`);

/** What is not sent yet, by what it answers: it outlives its form, and whoever it was refused to. */
const drafts = new Map<string, { body: string; key: string }>();

/** Not `crypto.randomUUID`, which pages over plain HTTP have on localhost only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Props {
  postId: string;
  parentId?: string;
  label: string;
  onLogIn: () => void;
  onDone?: () => void;
  onCancel?: () => void;
}

export function Composer({ postId, parentId, label, onLogIn, onDone, onCancel }: Props) {
  const { viewer } = useViewer();
  const place = parentId ?? postId;
  const [body, setBody] = useState(drafts.get(place)?.body ?? "");
  const [send, { data, error, loading }] = useMutation(CreateComment);
  const problem = problemOf(data?.createComment.userErrors, error);
  const id = useId();

  function write(body: string) {
    setBody(body);
    // By its key the server knows a text that is sent again because the answer was lost.
    drafts.set(place, { body, key: newKey() });
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!viewer) return onLogIn();
    const input = { postId, parentId, body, idempotencyKey: drafts.get(place)?.key };
    const answer = await send({
      variables: { input },
      update: (cache, { data }) => {
        if (data?.createComment.commentEdge) append(cache, data.createComment.commentEdge);
      },
    }).catch(() => null);
    if (!answer?.data?.createComment.commentEdge) return;
    drafts.delete(place);
    setBody("");
    onDone?.();
  }

  return (
    <form className="composer" onSubmit={submit}>
      <label htmlFor={id}>{label}</label>
      <textarea id={id} value={body} onChange={(event) => write(event.target.value)} required autoFocus={!!parentId} />
      {problem && <p className="problem" role="alert">{problem}</p>}
      <div className="actions">
        <button disabled={loading}>{viewer ? "Send" : "Log in to send"}</button>
        {onCancel && <button type="button" className="quiet" onClick={onCancel}>Cancel</button>}
      </div>
    </form>
  );
}

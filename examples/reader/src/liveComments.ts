import { useApolloClient } from "@apollo/client/react";
import { useEffect, useEffectEvent, useState } from "react";

import { hasCode } from "./apollo";
import { append } from "./commentCache";
import { useConnection } from "./connection";
import { graphql } from "./gql";
import type { CommentPartsFragment } from "./gql/graphql";

const CommentAdded = graphql(`
  subscription CommentAdded($postId: ID!, $after: ID) {
    commentAdded(postId: $postId, after: $after) {
      eventId
      commentEdge { ...NewComment }
    }
  }
`);

/**
 * Add what others write, as long as the component is there; the newest of it is returned.
 *
 * After an interruption it goes on behind the last event. Before there was one, nothing says where that would be: so
 * whenever the socket comes to be, `catchUp` reads what is behind the last comment that is shown. Where the cache has none
 * of it yet (`isRead`), that would become the whole list.
 */
export function useLiveComments(postId: string, isRead: boolean, catchUp: () => void): CommentPartsFragment | null {
  const client = useApolloClient();
  const { opened } = useConnection();
  const [newest, setNewest] = useState<CommentPartsFragment | null>(null);
  const [attempt, setAttempt] = useState(0);
  const readMissed = useEffectEvent(() => isRead && catchUp());

  useEffect(() => {
    const following = client.subscribe({ query: CommentAdded, variables: { postId } }).subscribe(({ data, error }) => {
      if (data) {
        append(client.cache, data.commentAdded.commentEdge);
        setNewest(data.commentAdded.commentEdge.node);
      }
      if (!error) return;
      // Away for too long, or not logged in any more, which the next request tells.
      readMissed();
      if (hasCode(error, "EVENTS_GONE")) setAttempt(attempt + 1);
    });
    return () => following.unsubscribe();
  }, [client, postId, attempt]);

  useEffect(() => {
    if (opened) readMissed();
  }, [opened, isRead]);

  return newest;
}

// Relay's hooks, in React without a browser.

import { afterEach } from "node:test";

import { type ReactNode, Suspense, useEffect } from "react";
import { fetchQuery, RelayEnvironmentProvider, useLazyLoadQuery } from "react-relay";
import { create } from "react-test-renderer";
import { commitMutation, type Environment, type GraphQLTaggedNode } from "relay-runtime";

import { useComments } from "./Comments";
import { ThreadQuery } from "./RelayCases";
import { noComplaints, until } from "./world";

const unmounts: (() => void)[] = [];

afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount();
  noComplaints(/react-test-renderer is deprecated/);
});

/** Run hooks as a component does, and again with each change; what they returned last. */
export async function rendered<T>(environment: Environment, hooks: () => T): Promise<{ readonly now: T }> {
  const seen: { now: T } = { now: undefined as T };
  function Component(): ReactNode {
    const returned = hooks();
    useEffect(() => void (seen.now = returned));
    return null;
  }
  const root = create(
    <RelayEnvironmentProvider environment={environment}>
      <Suspense>
        <Component />
      </Suspense>
    </RelayEnvironmentProvider>,
  );
  unmounts.push(() => root.unmount());
  await until(() => seen.now !== undefined);
  return seen;
}

export const ask = (environment: Environment, query: GraphQLTaggedNode, variables: object = {}): Promise<any> =>
  fetchQuery<any>(environment, query, variables).toPromise();

export const mutate = (environment: Environment, mutation: GraphQLTaggedNode, variables: object, more: object = {}) =>
  new Promise<any>((resolve, reject) => {
    commitMutation<any>(environment, { mutation, variables, onCompleted: resolve, onError: reject, ...more });
  });

/** A post's comments, as the component of the page has them. */
export const listed = (environment: Environment, id: string) =>
  rendered(environment, () => {
    const { post } = useLazyLoadQuery<any>(ThreadQuery, { id });
    return useComments(post);
  });

export const bodies = (data: any): string[] => data.comments.edges.map((edge: any) => edge.node.body);

// Requests to the API, and answers as GraphiQL shows them.

const ADDRESS = "/graphql";

/** Send an operation; `headers` are a Headers or an object. Rejects where there is no answer. */
export function send(operation, headers, signal) {
  const all = new Headers(headers);
  all.set("content-type", "application/json");
  return fetch(ADDRESS, { method: "POST", headers: all, body: JSON.stringify(operation), signal });
}

/** The result of an operation. Also where there was none: GraphiQL shows exceptions with their stacks. */
export async function ask(operation, headers) {
  let response;
  try {
    response = await send(operation, headers);
  } catch {
    return refusal("The server does not answer.");
  }
  return resultOf(response);
}

export async function resultOf(response) {
  try {
    return await response.json();
  } catch {
    return refusal(`The server, or what is in front of it, answered with status ${response.status} and no result.`);
  }
}

export function refusal(message) {
  return { errors: [{ message }] };
}

/** Whether the access token was refused. */
export function isUnauthenticated(result) {
  return Boolean(result.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED"));
}

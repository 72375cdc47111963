// What graphql-eslint says of the schema, by the rules of Relay, and of a front end's documents.

import graphql from "@graphql-eslint/eslint-plugin";

const scripts = ["src/*.ts", "src/*.tsx"];
const graphQLConfig = { schema: "src/gazette/schema.graphql", documents: scripts };

// TypeScript is tsc's to check: here it is only what documents are found in.
const position = { line: 1, column: 0 };
const nothing = { type: "Program", sourceType: "module", body: [], tokens: [], comments: [], range: [0, 0] };
const parser = { parseForESLint: () => ({ ast: { ...nothing, loc: { start: position, end: position } } }) };

export default [
  { files: scripts, processor: graphql.processor, languageOptions: { parser } },
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig } },
    plugins: { "@graphql-eslint": graphql },
  },
  {
    files: ["src/gazette/schema.graphql"],
    rules: {
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: true }],
      "@graphql-eslint/relay-connection-types": "error",
      // `nodes` beside `edges` is a list too, for those who page no further.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      "@graphql-eslint/relay-page-info": "error",
    },
  },
  {
    files: ["src/*.ts/*.graphql", "src/*.tsx/*.graphql"],
    rules: {
      ...graphql.configs["flat/operations-recommended"].rules,
      // Caches are read and written by fragments that no operation has.
      "@graphql-eslint/no-unused-fragments": "off",
    },
  },
];

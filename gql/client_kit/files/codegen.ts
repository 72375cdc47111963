// Types of every operation: npx graphql-codegen --config src/gazette/codegen.ts, with --watch while you write.

import type { CodegenConfig } from "@graphql-codegen/cli";

import scalars from "./scalars.json";

const config: CodegenConfig = {
  // From the folder where it is run, like all that follows.
  schema: "src/gazette/schema.graphql",
  documents: ["src/**/*.{ts,tsx}", "!src/gql/**"],
  ignoreNoDocuments: true,
  generates: {
    "src/gql/": {
      preset: "client",
      // True hides a fragment's fields from all components but the one that declares it.
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: { ID: "string", ...scalars },
        // A scalar that is not among them is an error instead of `any`.
        strictScalars: true,
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;

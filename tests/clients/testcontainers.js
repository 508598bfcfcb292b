// What testcontainers would send with a pull: node testcontainers.js PACKAGE SERVER
//
// PACKAGE is the directory of the installed npm package. Prints the credential as JSON, or null.

"use strict";

const path = require("node:path");

const [directory, server] = process.argv.slice(2);
const { getAuthConfig } = require(path.join(directory, "build/container-runtime/auth/get-auth-config"));

getAuthConfig(server).then((found) => process.stdout.write(JSON.stringify(found ?? null)));

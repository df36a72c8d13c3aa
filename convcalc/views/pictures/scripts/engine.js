// What the engine lends to scripts that were written for a browser, and how it calls them. No page has this script in it.

globalThis.structuredClone = (value) => JSON.parse(JSON.stringify(value));

// Nothing waits: there is no later in which a callback could run.
globalThis.setTimeout = () => 0;
globalThis.clearTimeout = () => {};

// Calls "object.name" with arguments as JSON, and gives what it returns as JSON, which is always a text.
globalThis.convcalcEngine = (path, parameters) => {
  let owner = undefined;
  let value = globalThis;
  for (const name of path.split('.')) {
    owner = value;
    value = value === undefined || value === null ? undefined : value[name];
  }
  if (typeof value !== 'function') {
    throw new TypeError(`there is no function ${path}`);
  }
  let result;
  try {
    result = value.apply(owner, JSON.parse(parameters));
  } catch (error) {
    throw error instanceof Error ? error : new Error(`it threw ${String(error)}`);
  }
  const text = JSON.stringify(result);
  return text === undefined ? 'null' : text;
};

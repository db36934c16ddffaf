// Microsoft's KQL parser and binder behind JSON lines: one request per line on stdin, one answer per line on stdout.
// bridge.py describes the requests. Offsets go out in code points, as Python counts them.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const vm = require('vm');

const folder = path.join(process.argv[2], '@kusto', 'language-service-next');
for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  const full = path.join(folder, file);
  vm.runInThisContext(fs.readFileSync(full, 'utf8'), { filename: full });
}
const K = Kusto.Language;
const Syntax = K.Syntax;
const Symbols = K.Symbols;

// ---------------------------------------------------------------- small bridges between .NET shapes and JavaScript

function* each(list) {
  for (let i = 0; i < list.Count; i++) yield list.getItem(i);
}
function* many(enumerable, type) {
  const it = Bridge.getEnumerator(enumerable, type);
  while (it.moveNext()) yield it.Current;
}
function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Date) return value.toISOString();
  if (value.v !== undefined && value.$boxed) return plain(value.v);
  return value.toString();
}

// UTF-16 offset -> code point offset; the identity where no astral character is in the text.
function offsets(text) {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return (at) => at;
  const map = new Int32Array(text.length + 1);
  let points = 0;
  for (let i = 0; i < text.length; i++) {
    map[i] = points;
    const code = text.charCodeAt(i);
    const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
    if (!(code >= 0xd800 && code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff)) points++;
  }
  map[text.length] = points;
  return (at) => map[Math.max(0, Math.min(at, text.length))];
}

function typeName(type) {
  if (!type) return 'unknown';
  if (type instanceof Symbols.DynamicSymbol) return 'dynamic';
  return type.Name || 'unknown';
}

function columnsOf(table) {
  const out = [];
  for (const column of many(table.Columns, Symbols.ColumnSymbol)) out.push([column.Name, typeName(column.Type)]);
  return out;
}

// ---------------------------------------------------------------- schemas

function tableSymbol(name, columns, open) {
  const list = Object.entries(columns).map(([column, type]) => {
    const symbol = Symbols.ScalarTypes.GetSymbol(type);
    if (!symbol) throw new Error(`table ${name}, column ${column}: no scalar type is called ${type}`);
    return new Symbols.ColumnSymbol(column, symbol);
  });
  let table = new Symbols.TableSymbol.$ctor4(name, list);
  if (open) table = table.WithIsOpen(true);
  return table;
}

function globalsOf(schema) {
  const members = [];
  for (const [name, columns] of Object.entries(schema.tables || {})) members.push(tableSymbol(name, columns, false));
  members.push(...functionSymbols(schema.functions));
  return K.GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('db', members));
}

function functionSymbols(functions) {
  const members = [];
  for (const [name, fn] of Object.entries(functions || {})) {
    if (fn.body !== undefined) {
      members.push(new Symbols.FunctionSymbol.$ctor16(name, fn.parameters || '()', fn.body));
    } else {
      const parameters = K.Symbols.Parameter.ParseList(fn.parameters || '()');
      const table = tableSymbol(name, fn.columns || {}, fn.open);
      members.push(new Symbols.FunctionSymbol.$ctor6(name, table, parameters));
    }
  }
  return members;
}

const schemas = new Map();
function globalsFor(request) {
  const known = schemas.get(request.schema);
  if (!known) throw new Error(`schema ${request.schema} was not defined`);
  const more = functionSymbols(request.functions);
  return more.length ? known.WithDatabase(known.Database.AddMembers(more)) : known;
}

// ---------------------------------------------------------------- answers

function diagnosticsOf(code, at) {
  const out = [];
  for (const d of each(code.GetDiagnostics())) {
    const end = d.Start + d.Length;
    out.push({ code: d.Code, severity: d.Severity, message: d.Message, start: at(d.Start), end: at(end) });
  }
  return out;
}

// Visit a tree in text order. A call of a function written in the text is followed into its body as that
// call sees it (the first call of each function wins, and no call inside an uncalled body counts).
function visit(root, found) {
  const called = new Set();
  const declared = [];
  const stack = [root];
  while (stack.length) {
    const node = stack.pop();
    if (node instanceof Syntax.FunctionDeclaration) {
      declared.push(node);
      continue;
    }
    if (node instanceof Syntax.Expression) {
      found(node);
      const reference = node instanceof Syntax.FunctionCallExpression ? node.Name : node;
      const symbol = reference.ReferencedSymbol;
      if (symbol instanceof Symbols.FunctionSymbol) {
        const body = node.GetCalledFunctionBody();
        if (body && body.Tree.Original) {
          const start = body.GetPositionInOriginalTree(body.TextStart);
          if (!called.has(start)) {
            called.add(start);
            stack.push(body);
          }
        }
      }
    }
    for (let i = node.ChildCount - 1; i >= 0; i--) {
      const child = node.GetChild(i);
      if (child instanceof Syntax.SyntaxNode) stack.push(child);
    }
  }
  for (const node of declared) {
    if (called.has(node.GetPositionInOriginalTree(node.Body.TextStart))) continue;
    const inner = [node.Body];
    while (inner.length) {
      const below = inner.pop();
      if (below instanceof Syntax.FunctionDeclaration && below !== node) continue;
      if (below instanceof Syntax.Expression) found(below);
      for (let i = below.ChildCount - 1; i >= 0; i--) {
        const child = below.GetChild(i);
        if (child instanceof Syntax.SyntaxNode) inner.push(child);
      }
    }
  }
}

// Every tabular expression by its end; where several end together the longest is the pipeline so far.
function gapsOf(code, at) {
  const byEnd = new Map();
  visit(code.Syntax, (node) => {
    const type = node.ResultType;
    const isPart = (node.Parent instanceof Syntax.PipeExpression && node.Parent.Operator === node) ||
      node instanceof Syntax.ForkExpression;
    if (!(type instanceof Symbols.TableSymbol) || isPart) return;
    const end = node.GetPositionInOriginalTree(node.End);
    const start = node.GetPositionInOriginalTree(node.TextStart);
    const known = byEnd.get(end);
    if (known && known.from <= start) return;
    byEnd.set(end, { from: start, table: type, operator: node instanceof Syntax.PipeExpression ? node.Operator : node });
  });
  const out = [];
  for (const [end, { from, table, operator }] of byEnd) {
    out.push({ end: at(end), start: at(from), kind: System.Enum.toString(Syntax.SyntaxKind, operator.Kind),
               open: table.IsOpen, columns: columnsOf(table) });
  }
  return out.sort((a, b) => a.end - b.end);
}

const answers = {
  schema(request) {
    schemas.set(request.name, globalsOf(request));
    return {};
  },
  parse(request) {
    return { diagnostics: diagnosticsOf(K.KustoCode.Parse(request.text), offsets(request.text)) };
  },
  bind(request) {
    const code = K.KustoCode.ParseAndAnalyze(request.text, globalsFor(request));
    return { diagnostics: diagnosticsOf(code, offsets(request.text)) };
  },
  gaps(request) {
    const at = offsets(request.text);
    const code = K.KustoCode.ParseAndAnalyze(request.text, globalsFor(request));
    return { diagnostics: diagnosticsOf(code, at), gaps: gapsOf(code, at) };
  },
  literal(request) {
    const code = K.KustoCode.ParseAndAnalyze(`print ${request.text}`, K.GlobalState.Default);
    const print = code.Syntax.GetFirstDescendant(Syntax.PrintOperator);
    const value = print && print.Expressions.Count === 1 ? print.Expressions.getItem$1(0).Element$1 : null;
    return { diagnostics: diagnosticsOf(code, offsets(request.text)),
             constant: Boolean(value && value.IsConstant),
             type: value ? typeName(value.ResultType) : null,
             value: value ? plain(value.ConstantValue) : null };
  },
  name(request) {
    return { text: K.KustoFacts.BracketNameIfNecessary(request.text) };
  },
  version() {
    const text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
    return { version: JSON.parse(text).version };
  },
};

const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', (line) => {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = answers[request.op](request);
  } catch (error) {
    answer = { error: String((error && error.stack) || error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
});

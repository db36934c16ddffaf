// Print src/fpctl/kql/binder/data/functions.json: what type each built-in function returns and what name its result
// takes, restated from Microsoft's language service (npm @kusto/language-service-next, MIT).
//
//   node scripts/generate_functions.js [NODE_MODULES] > src/fpctl/kql/binder/data/functions.json
//
// Fixed types and "same as argument N" come from the declared signatures. What the package computes in code (the
// columns of series_stats, the type of int + decimal ...) is found by binding small queries and reading the result.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const modules = process.argv[2] || process.env.FPCTL_NODE_MODULES || path.join(__dirname, '..', 'node_modules');
const folder = path.join(modules, '@kusto', 'language-service-next');
for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, file), 'utf8'), { filename: file });
}
const version = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).version;
const K = Kusto.Language;
const S = K.Symbols;

function* many(enumerable, type) {
  const it = Bridge.getEnumerator(enumerable, type);
  while (it.moveNext()) yield it.Current;
}
const member = (type, value) => System.Enum.toString(type, value);

// "dynamic[]" is an array, "dynamic[]long" one of longs, "dynamic{}" a property bag, "dynamic:long" one value.
function typeName(type) {
  if (type instanceof S.DynamicArraySymbol) {
    const element = typeName(type.ElementType);
    return element === 'dynamic' ? 'dynamic[]' : `dynamic[]${element}`;
  }
  if (type instanceof S.DynamicBagSymbol) return 'dynamic{}';
  if (type instanceof S.DynamicPrimitiveSymbol) return `dynamic:${type.UnderlyingType.Name}`;
  return type.Name;
}

const RULES = {
  Parameter0: '@0', Parameter1: '@1', Parameter0Array: '[@0]', Parameter0Promoted: 'promoted', Common: 'common',
  CommonNonDynamic: 'choice', Widest: 'widest', ParameterNLiteral: 'typeof', Parameter0Literal: 'typeof',
  Parameter1Literal: 'typeof',
};
const ARRAYS = ['array_concat', 'array_iff', 'array_iif', 'set_union', 'set_intersect', 'set_difference', 'pack_array', 'map'];
const BAGS = ['pack', 'pack_dictionary', 'bag_pack', 'bag_pack_columns', 'pack_all', 'bag_merge', 'bag_remove_keys',
              'bag_set_key', 'series_stats_dynamic', 'series_fit_line_dynamic', 'series_fit_2lines_dynamic', 'inner_nodes'];

function typeRule(fn, probed) {
  if (probed[fn.Name]) return probed[fn.Name];
  const rules = new Set();
  for (const signature of many(fn.Signatures, S.Signature)) {
    const kind = member(S.ReturnTypeKind, signature.ReturnKind);
    if (kind === 'Declared') rules.add(typeName(signature.DeclaredReturnType));
    else if (RULES[kind]) rules.add(RULES[kind]);
    else if (ARRAYS.includes(fn.Name)) rules.add('dynamic[]');
    else if (BAGS.includes(fn.Name)) rules.add('dynamic{}');
    else rules.add('special');
  }
  const list = [...rules];
  if (list.length === 1) return list[0];
  if (rules.has('typeof')) return `typeof ${list.find((rule) => rule !== 'typeof')}`;
  return 'special';
}

function nameRule(fn) {
  const prefix = fn.ResultNamePrefix;
  switch (member(S.ResultNameKind, fn.ResultNameKind)) {
    case 'NameAndFirstArgument': return `${fn.Name}_*`;
    case 'PrefixAndFirstArgument': return prefix ? `${prefix}_*` : '*';
    case 'FirstArgument': return '*';
    case 'OnlyArgument': return '*only';
    case 'FirstArgumentValueIfColumn': return '*column';
    case 'PrefixOnly': return prefix || '';
    default: return '';
  }
}

// ---------------------------------------------------------------- probes

const TYPES = ['bool', 'int', 'long', 'real', 'decimal', 'string', 'datetime', 'timespan', 'guid', 'dynamic'];
const typed = new S.TableSymbol.$ctor4('T', TYPES.map((t) => new S.ColumnSymbol('_' + t, S.ScalarTypes.GetSymbol(t))));
const open = new S.TableSymbol.$ctor4('U', []).WithIsOpen(true);
const tables = [typed.WithIsOpen(true), open];
const globals = K.GlobalState.Default.WithDatabase(new S.DatabaseSymbol.ctor('db', tables));

function columnsOf(query) {
  const code = K.KustoCode.ParseAndAnalyze(query, globals);
  const result = code.ResultType;
  const errors = [];
  const diagnostics = code.GetDiagnostics();
  for (let i = 0; i < diagnostics.Count; i++) errors.push(diagnostics.getItem(i).Message);
  const columns = [];
  for (const column of many(result.Columns, S.ColumnSymbol)) columns.push([column.Name, typeName(column.Type)]);
  return { columns, errors };
}
function probe(expression, operator = 'project') {
  const { columns, errors } = columnsOf(`T | ${operator} probe_ = ${expression}`);
  return errors.length ? null : columns.find(([name]) => name === 'probe_')[1];
}
const OPERANDS = [...TYPES, 'unknown'];
function pairs(write, operator) {
  const table = {};
  for (const left of OPERANDS) {
    const row = {};
    for (const right of OPERANDS) {
      const type = probe(write('_' + left, '_' + right), operator);
      if (type && type !== 'unknown') row[right] = type;
    }
    if (Object.keys(row).length) table[left] = row;
  }
  return table;
}
function singles(write, operator) {
  const row = {};
  for (const operand of OPERANDS) {
    const type = probe(write('_' + operand), operator);
    if (type && type !== 'unknown') row[operand] = type;
  }
  return row;
}

const arithmetic = {};
for (const op of ['+', '-', '*', '/', '%']) arithmetic[op] = pairs((l, r) => `${l} ${op} ${r}`);
const byArguments = { bin: pairs((l, r) => `bin(${l}, ${r})`) };
const byArgument = {
  abs: singles((x) => `abs(${x})`), minus: singles((x) => `-${x}`),
  avg: singles((x) => `avg(${x})`, 'summarize'), avgif: singles((x) => `avgif(${x}, true)`, 'summarize'),
};
const probed = { bin: 'bin', floor: 'bin', bin_at: 'bin', bin_auto: '@0', abs: 'by abs', avg: 'by avg', avgif: 'by avgif' };

const tuples = {};
for (const fn of many(K.Functions.All, S.FunctionSymbol)) {
  if (!fn.Name.startsWith('series_') || typeRule(fn, {}) !== 'special') continue;
  for (const tail of ['', ', 1', ', 1, 2', ', 1, 2, 3', ', dynamic([1])']) {
    const { columns, errors } = columnsOf(`T | project ${fn.Name}(_dynamic${tail})`);
    if (errors.length) continue;
    tuples[fn.Name] = columns.map(([name, type]) => [name.slice(`${fn.Name}__dynamic_`.length), type]);
    break;
  }
  if (!tuples[fn.Name]) throw new Error(`no call of ${fn.Name} was found that binds`);
}

// ---------------------------------------------------------------- output

function table(list) {
  const out = {};
  for (const fn of list) {
    if (fn.Name.startsWith('__')) continue;
    const type = tuples[fn.Name] ? 'tuple' : typeRule(fn, probed);
    const name = nameRule(fn);
    out[fn.Name] = name ? [type, name] : [type];
  }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}
function lines(object, indent) {
  const body = Object.entries(object).map(([key, value]) => `${indent}  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${body.join(',\n')}\n${indent}}`;
}
const parts = {
  functions: table(many(K.Functions.All, S.FunctionSymbol)),
  aggregates: table(many(K.Aggregates.All, S.FunctionSymbol)),
  tuples,
  arithmetic: Object.fromEntries(Object.entries(arithmetic)),
  by_arguments: byArguments,
  by_argument: byArgument,
};
const plugins = [...many(K.PlugIns.All, S.FunctionSymbol)].map((fn) => fn.Name).sort();
const source = `Facts restated from Microsoft's @kusto/language-service-next ${version} (MIT) by scripts/generate_functions.js`;
process.stdout.write(`{\n  "source": ${JSON.stringify(source)},\n`);
for (const [key, value] of Object.entries(parts)) process.stdout.write(`  ${JSON.stringify(key)}: ${lines(value, '  ')},\n`);
process.stdout.write(`  "plugins": ${JSON.stringify(plugins)}\n}\n`);

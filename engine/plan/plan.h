// What a continuous query does, as stages of steps: the planner's result, the executor's recipe. A
// plan is data; it names topics and columns, and holds nothing that runs.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/expr/bound.h"
#include "engine/functions/aggregate.h"
#include "engine/plan/generator.h"
#include "engine/types/batch.h"

namespace engine {

// Reads records into columns. Its layout is input_layout() of the source; of an exchange, the
// schema's columns.
struct InputStep {
  std::string topic;  // of a stage that reads an exchange: empty
  int exchange = -1;  // index in QueryPlan::exchanges, or -1
  SourceKind kind = SourceKind::Stream;
  std::string source_name;  // in the catalog; for messages
  FormatSpec key_format, value_format;
  Schema schema;  // all columns of the topic, as it was declared
  std::vector<bool>
      used;  // columns of the layout that somebody reads; the others are null pointers
  std::optional<SourceWindow> window;
  std::optional<TimestampColumn> timestamp;
  int store = -1;        // tables: index in StagePlan::stores of the rows kept
  bool old_too = false;  // tables: somebody downstream needs the replaced row
  // Tables that a join looks rows up in: their changes go no further than the store.
  bool is_joined = false;
  // Tables: what follows from a change does not ask what was there before, so that one that was applied and is not
  // done may be applied once more. A commit need not wait for what follows.
  bool may_repeat = false;
  // Joined tables: what there is to read of it goes before all else, because its records' times say
  // nothing about which of the stream's records they precede (docs/adr/0005).
  bool is_read_first = false;
  // Reads nothing: makes rows, the n-th out of n. The topic is empty then.
  std::optional<GeneratorPlan> generator = {};
};

// Streams: drops the rows for which it is not true. Tables: turns them into deletes of what had
// passed before.
struct FilterStep {
  BoundExpression predicate;
  bool is_table = false;
  // Of a filter that another one has been before: also rows that this one would not have let pass become deletes,
  // since that one may have (docs/adr/0031).
  bool tells_all_deletes = false;
};

struct ProjectStep {
  std::vector<BoundExpression> columns;
  std::vector<bool> is_key;  // these are still set where the row is not present
  bool old_too = false;      // tables whose consumer asks for the replaced row
};

// One output row for each element that the table functions give; `functions[i]` is an ARRAY
// appended to the layout.
struct FlatMapStep {
  std::vector<BoundExpression> functions;
};

// The first `key_count` columns become the key: rows in which one of them is null are dropped,
// updates of a table that change the key are split.
struct RegroupStep {
  size_t key_count = 0;
  bool is_table = false;
};

struct AggregateWindow {
  WindowType type;
  int64_t size_ms = 0, advance_ms = 0, grace_ms = 0, retention_ms = 0;
  int64_t part_ms =
      0;  // of sessions, whose gap is the size: how much time lies together in the store
};

struct AggregateCall {
  AggregateInstance instance;
  std::vector<int> arguments;  // columns of the input layout
};

// Input layout: the grouping columns first. Output layout: them, one column a call, then the
// window's bounds.
struct AggregateStep {
  size_t key_count = 0;
  std::vector<AggregateCall> calls;
  std::optional<AggregateWindow> window;
  bool final_only = false;  // EMIT FINAL
  // As ksqlDB, whose store has dropped by then what is older than size and grace before the newest
  // window: where stream time jumps, such windows are never emitted. Under `compat` alone.
  bool loses_old_finals = false;
  bool is_table = false;  // of a table: with undo
  bool old_too = false;   // a HAVING follows that must know what passed before
  int store = -1;
  FormatSpec key_format;  // in which the grouping columns are the state's key
};

// For each row of the stream (port 0) the table's row (port 1) under its key. Output layout: the
// stream's columns, then the table's.
struct StreamTableJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  int stream_key = 0;               // column of the stream's layout
  int store = -1;                   // of the table's rows; keyed by the key bytes in key_format
  FormatSpec key_format;
};

// Each record of one stream with those of the other that have its key and come no more than `before_ms` before
// it and `after_ms` after it, as the left stream (port 0) sees it. Output layout: the key columns, then the left
// stream's columns, then the right's.
struct StreamStreamJoinStep {
  JoinType type = JoinType::Inner;
  // Columns of the two layouts, as many on either side: what is compared, and behind it the windows' bounds
  // where the sources are windowed.
  std::vector<int> left_key, right_key;
  std::vector<bool> left_used, right_used;  // columns that the stores keep
  int64_t before_ms = 0, after_ms = 0, grace_ms = 0;
  // Without GRACE PERIOD, as in ksqlDB: who finds nobody gives its row at once. Else when nobody can come.
  bool is_eager = false;
  int64_t part_ms = 1;  // how much time lies together in a store
  int left_store = -1, right_store = -1;
  int pending_store = -1;  // of rows that have found nobody yet; -1 where nobody waits
  FormatSpec key_format;
};

// Two tables by their keys: of each key the row that both sides make of it now. Output layout: the key, then the
// left table's columns, then the right's.
struct TableTableJoinStep {
  JoinType type = JoinType::Inner;
  int left_key = 0, right_key = 0;        // columns of the layouts of the two ports
  int left_store = -1, right_store = -1;  // of the rows of the two sides
  int store = -1;                         // of the joined rows, under the same key bytes
  std::vector<bool> used;                 // columns of the layout that the store keeps
  bool old_too = false;                   // somebody downstream needs the replaced row
};

// ---- A table joined with the row of another whose key its foreign key is (docs/adr/0030): three steps, with an
// exchange before the second and one before the third where there are several tasks.

// Changes of the left table, for the tasks that keep the right table's rows. Output layout: the foreign key, the number
// and the kind of the change (engine/exec/foreign_key_change.h), then columns of the left table, the primary key
// first. All rows are present.
struct ForeignKeySubscribeStep {
  BoundExpression foreign_key;
  std::vector<int> columns;  // of the input's layout that go along
  size_t key_count = 1;      // so many of them are the primary key
};

// Port 0: what the step before gives, port 1: changes of the right table. Output layout: the left table's primary key,
// number and kind of the change, the left table's other columns, columns of the right table. All rows are present.
struct ForeignKeyJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  size_t key_count = 1;
  std::vector<int> right_columns;      // of the right port's layout that go along
  int right_store = -1;                // of the right table's rows, under their key bytes
  int store = -1;                      // of the left table's rows, by foreign key
  FormatSpec key_format, left_format;  // of the right table's key and of the left's
};

// Takes what is not out of date. Output layout: that of the input without number and kind of the change.
struct ForeignKeyResolveStep {
  size_t key_count = 1;
  int store = -1;         // of the joined rows
  int moving_store = -1;  // of keys whose foreign key has changed, until all have said so
  FormatSpec key_format;
  bool old_too = false;  // somebody downstream needs the replaced row
};

struct PlanNode {
  std::variant<InputStep, FilterStep, ProjectStep, FlatMapStep, RegroupStep, AggregateStep,
               StreamTableJoinStep, StreamStreamJoinStep, TableTableJoinStep,
               ForeignKeySubscribeStep, ForeignKeyJoinStep, ForeignKeyResolveStep>
      step;
  std::vector<int> from;  // nodes of this stage whose batches it takes, by port; empty for inputs
  Layout layout;          // of what it gives
};

// Where a stage's rows go: a topic, an exchange, or (transient queries) whoever asked.
struct OutputPlan {
  std::string topic;
  int exchange = -1;
  Schema schema;  // keys first; matches the last node's layout by position
  FormatSpec key_format, value_format;
  std::optional<SourceWindow> window;  // the layout then ends with WINDOWSTART and WINDOWEND
  bool is_table = false;
  bool key_is_made = false;   // by PARTITION BY: a key of nulls is a key, not the absence of one
  int timestamp_column = -1;  // of the layout: re-stamps what is written
  std::optional<std::string> timestamp_format;
  // Records without a key go to all partitions in turn, by their offsets; else to that of their source.
  bool spreads_keyless = false;
};

enum class StoreKind : uint8_t { Rows, Aggregates, Ranges };
struct StorePlan {
  StoreKind kind;
  std::string name;  // by which ksqlDB would call its changelog's step
  int node = -1;     // that keeps it
};

struct StagePlan {
  std::vector<PlanNode> nodes;  // in the order of the flow; the last one feeds the output
  std::vector<StorePlan> stores;
  OutputPlan output;
  // One task reads all partitions, in the order of event time, instead of one task for each. So it
  // is before a windowed aggregation whose exchange cannot be time-ordered: tasks that run ahead of
  // each other would make each other's records late. Plans of before may have this elsewhere, too.
  bool merges_partitions = false;
};

// A durable queue between two stages, with as many partitions as the reading stage has tasks.
struct ExchangePlan {
  std::string topic;  // ksqlDB's name of the internal topic
  FormatSpec key_format,
      value_format;  // as ksqlDB would write it: shown by the test runner, and used by it
  Schema schema;
  int partitions = 1;
  // Before a windowed aggregation, a join of streams, or a join with a table that goes by time: its
  // readers take rows in the order of event time, whichever of the tasks that write it runs ahead
  // (engine/exec/upstream_progress.h). Else in the order in which they were appended.
  bool is_time_ordered = false;
};

// How a table answers look-ups: the rows of one of the query's stores become rows of the table.
struct MaterializationPlan {
  int stage = 0, store = 0;
  std::optional<BoundExpression>
      filter;  // over the store's rows; those that fail it are not in the table
  std::vector<BoundExpression> columns;  // the table's input_layout(), over the store's rows
  Schema key_schema;                     // of the store's keys
  FormatSpec key_format;
  bool is_windowed = false;
};

struct QueryPlan {
  std::string id;
  QueryKind kind = QueryKind::CreateAs;
  std::vector<std::string> sources;  // names, in the order of the text
  std::vector<StagePlan> stages;     // a stage reads exchanges of earlier ones only
  std::vector<ExchangePlan> exchanges;
  Properties properties;
  std::optional<MaterializationPlan> materialization;
};

// What the query's rows are made of, where it reads none; else nullptr.
const GeneratorPlan* generator_of(const QueryPlan& plan);

}  // namespace engine

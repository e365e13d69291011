#include "engine/query/table_reads.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/formats/format.h"
#include "engine/plan/rows_inputs.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// If LIMIT plus OFFSET is greater than this limit, all rows of the table are read at once (Way::Scan instead of
// Way::First).
constexpr size_t kMostWanted = 1'000;
// Least number of rows that each part of a table reads at first. Fewer rows would not save time.
constexpr size_t kFewestFirstRows = 64;

// Identifies a column of a table that the SELECT reads.
struct Origin {
  size_t table;
  uint32_t column;
};

// The origin of the output of a step: which table columns its columns have, and which tables contribute only single
// rows.
struct Traced {
  // For each column: the table column whose values it has; nullopt for other columns.
  std::vector<std::optional<Origin>> columns;
  // The tables that contribute only single rows to the output: if rows of such a table are left out, the output
  // lacks only the rows that were made from them.
  std::set<size_t> rowwise;
};

// Two columns that are equal in all rows of the result. The rows of `of` that have no equal partner may be left out.
struct Equality {
  Origin of, partner;
};

bool is_volatile(const BoundExpression& expression) {
  return !expression.is_deterministic || std::ranges::any_of(expression.children, is_volatile);
}

// Returns whether the filter lets only those rows pass for which the column is true.
bool requires_column(const BoundExpression& condition, uint32_t column) {
  if (condition.kind == BoundKind::And)
    return std::ranges::any_of(condition.children, [column](const BoundExpression& child) {
      return requires_column(child, column);
    });
  return as_column(condition) == column;
}

// Returns whether equal values of the two types have equal bytes in keys.
bool have_equal_bytes(const SqlType& key, const SqlType& other) {
  if (key.kind() != other.kind() || key.label() != other.label()) return false;
  using enum TypeKind;
  if (key.kind() == String) return key.label() == label::kNone || key.label() == label::kVarchar;
  return key.kind() == Integer || key.kind() == Bigint || key.kind() == Date;
}

class ReadTracing {
 public:
  explicit ReadTracing(const SelectRowsPlan& plan) : plan_(plan), times_read_(plan.tables.size()) {}

  const Traced& trace(const RowsNode& node) {
    if (const auto known = traced_.find(&node); known != traced_.end()) return known->second;
    Traced traced = std::visit([&](const auto& step) { return of(step, node); }, node.step);
    traced.columns.resize(node.layout.size());
    // Another reader of a shared step may need the rows that this reader leaves out.
    if (node.is_shared) traced.rowwise.clear();
    return traced_[&node] = std::move(traced);
  }

  // Returns the possible sources of a table's keys.
  std::vector<KeySource> sources_of(size_t table) const {
    std::vector<KeySource> found;
    const DataSource& its = *plan_.tables[table]->table;
    if (times_read_[table] != 1 || its.kind != SourceKind::Table || its.window) return found;
    for (const std::vector<Equality>& group : groups_) {
      std::set<size_t> partners;
      for (const Equality& each : group)
        if (each.of.table == table && each.partner.table != table)
          partners.insert(each.partner.table);
      for (const size_t partner : partners)
        if (auto source = source_in(group, table, partner)) found.push_back(*std::move(source));
    }
    return found;
  }
  bool is_volatile_anywhere() const { return is_volatile_; }
  // Whether a join pairs only some rows of its sides.
  bool has_join_condition() const { return has_join_condition_; }

 private:
  std::optional<KeySource> source_in(const std::vector<Equality>& group, size_t table,
                                     size_t partner) const {
    const PullPlan& its = *plan_.tables[table];
    const PullPlan& other = *plan_.tables[partner];
    if (plan_.streams[partner] || times_read_[partner] == 0) return std::nullopt;
    KeySource source{partner, {}};
    const std::vector<ColumnDef>& columns = its.table->schema.columns;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].role != ColumnRole::Key) continue;
      const auto equal = std::ranges::find_if(group, [&](const Equality& each) {
        return each.of.table == table && each.partner.table == partner &&
               as_column(its.columns[each.of.column]) == i &&
               have_equal_bytes(columns[i].type, other.columns[each.partner.column].type);
      });
      if (equal == group.end()) return std::nullopt;
      source.columns.push_back(equal->partner.column);
    }
    return source.columns.empty() ? std::nullopt : std::optional(std::move(source));
  }

  void note(const BoundExpression& expression) { is_volatile_ |= is_volatile(expression); }
  void note(const std::vector<BoundExpression>& expressions) {
    for (const BoundExpression& each : expressions) note(each);
  }
  static std::optional<Origin> origin(const Traced& of, const BoundExpression& expression) {
    const auto column = as_column(expression);
    return column && *column < of.columns.size() ? of.columns[*column] : std::nullopt;
  }
  // Notes that the result depends only on those rows of `of` whose `values` equal the
  // `partner_values` of some row of `partner`.
  template <class Values>
  void restrict(const Traced& of, const Values& values, const Traced& partner,
                const Values& partner_values) {
    std::vector<Equality> group;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto own = origin(of, values[i]), other = origin(partner, partner_values[i]);
      if (own && other && of.rowwise.contains(own->table)) group.push_back({*own, *other});
    }
    if (!group.empty()) groups_.push_back(std::move(group));
  }
  static std::vector<BoundExpression> first_columns(const RowsNode& node, size_t count) {
    std::vector<BoundExpression> columns;
    for (uint32_t i = 0; i < count; ++i)
      columns.push_back(column_expression(node.layout[i].type, i));
    return columns;
  }

  Traced of(const ReadRows& step, const RowsNode& node) {
    ++times_read_[step.table];
    Traced traced;
    for (uint32_t i = 0; i < node.layout.size(); ++i)
      traced.columns.emplace_back(Origin{step.table, i});
    traced.rowwise.insert(step.table);
    return traced;
  }
  Traced of(const FilterRows& step, const RowsNode&) {
    note(step.condition);
    Traced traced = trace(*step.input);
    restrict_by_subqueries(step);
    return traced;
  }
  // If the filter requires an IN or EXISTS sub-query to be true, the result depends only on rows
  // that have a match in the sub-query.
  void restrict_by_subqueries(const FilterRows& filter) {
    const RowsNode* node = filter.input.get();
    while (const auto* step = std::get_if<AppendSubquery>(&node->step)) {
      if (node->is_shared) return;
      const auto column = static_cast<uint32_t>(node->layout.size() - 1);
      const RowsNode& input = *step->input;
      if (!step->negated && !step->outer && requires_column(filter.condition, column)) {
        std::vector<BoundExpression> values = step->keys;
        if (step->kind == SubqueryKind::In && step->op == ComparisonOp::Equal && step->value)
          values.push_back(*step->value);
        if (step->kind != SubqueryKind::Scalar && values.size() <= step->rows->layout.size())
          restrict(trace(input), values, trace(*step->rows),
                   first_columns(*step->rows, values.size()));
      }
      node = &input;
    }
  }
  Traced of(const ComputeColumns& step, const RowsNode&) {
    note(step.columns);
    const Traced& input = trace(*step.input);
    Traced traced;
    for (const BoundExpression& column : step.columns)
      traced.columns.push_back(origin(input, column));
    traced.rowwise = input.rowwise;
    return traced;
  }
  Traced of(const JoinRows& step, const RowsNode&) {
    note(step.left_keys);
    note(step.right_keys);
    if (step.condition) note(*step.condition);
    has_join_condition_ |= step.condition || !step.left_keys.empty();
    const Traced left = trace(*step.left), right = trace(*step.right);
    if (step.otherwise) trace(*step.otherwise);
    Traced traced;
    traced.columns = left.columns;
    if (step.outer) return traced;
    traced.columns.insert(traced.columns.end(), right.columns.begin(), right.columns.end());
    const bool is_inner = step.type == JoinType::Inner;
    if (is_inner || step.type == JoinType::Left) {
      restrict(right, step.right_keys, left, step.left_keys);
      traced.rowwise.insert(left.rowwise.begin(), left.rowwise.end());
    }
    if (is_inner || step.type == JoinType::Right) {
      restrict(left, step.left_keys, right, step.right_keys);
      traced.rowwise.insert(right.rowwise.begin(), right.rowwise.end());
    }
    return traced;
  }
  Traced of(const AppendSubquery& step, const RowsNode&) {
    note(step.keys);
    if (step.value) note(*step.value);
    const Traced input = trace(*step.input), rows = trace(*step.rows);
    if (step.otherwise) trace(*step.otherwise);
    // The matches of a row are the rows of the sub-query with the row's keys; other rows do not matter.
    if (!step.outer && !step.keys.empty())
      restrict(rows, first_columns(*step.rows, step.keys.size()), input, step.keys);
    return {input.columns, input.rowwise};
  }
  Traced of(const UnnestRows& step, const RowsNode&) {
    note(step.arrays);
    return trace(*step.input);
  }
  Traced of(const SortRows& step, const RowsNode&) {
    Traced traced = trace(*step.input);
    if (step.most) traced.rowwise.clear();
    return traced;
  }
  Traced of(const DistinctRows& step, const RowsNode&) { return {trace(*step.input).columns, {}}; }
  Traced of(const CutRows& step, const RowsNode&) {
    if (step.counts) trace(*step.counts);
    return {trace(*step.input).columns, {}};
  }
  Traced of(const WindowRows& step, const RowsNode&) { return {trace(*step.input).columns, {}}; }
  Traced of(const GroupRows& step, const RowsNode&) {
    const Traced& input = trace(*step.input);
    Traced traced;
    for (const BoundExpression& key : step.keys) traced.columns.push_back(origin(input, key));
    return traced;
  }
  // The columns of all other steps are treated as computed: they have no origin in a table.
  template <class Step>
  Traced of(const Step&, const RowsNode& node) {
    for_each_input(node, [this](const RowsNodePtr& input) { trace(*input); });
    return {};
  }

  const SelectRowsPlan& plan_;
  std::vector<size_t> times_read_;  // number of steps that read each table
  std::map<const RowsNode*, Traced> traced_;
  // The equalities of one join or sub-query form a group.
  std::vector<std::vector<Equality>> groups_;
  bool is_volatile_ = false, has_join_condition_ = false;
};

class SourceChoice {
 public:
  SourceChoice(const SelectRowsPlan& plan, const ReadTracing& tracing) {
    for (size_t table = 0; table < plan.tables.size(); ++table)
      possible_.push_back(tracing.sources_of(table));
  }

  // Adds all tables whose keys can be found in rows of tables that are not scanned. Returns whether no table
  // remains to be scanned.
  bool add_sources(TableReads& reads) const {
    for (bool is_changed = true; std::exchange(is_changed, false);)
      for (size_t table = 0; table < possible_.size(); ++table) {
        if (reads.ways[table] != TableReads::Way::Scan) continue;
        const auto known = std::ranges::find_if(possible_[table], [&](const KeySource& each) {
          return reads.ways[each.table] != TableReads::Way::Scan;
        });
        if (known == possible_[table].end()) continue;
        reads.ways[table] = TableReads::Way::Source;
        reads.sources[table] = *known;
        is_changed = true;
      }
    return std::ranges::find(reads.ways, TableReads::Way::Scan) == reads.ways.end();
  }

 private:
  std::vector<std::vector<KeySource>> possible_;
};

// Returns the last step of the plan if it is a LIMIT that the first rows of the tables may satisfy. The limit must hold
// for all rows together, the limit plus the offset must be at most kMostWanted, and the query must not read streams or
// tables of the catalog. Otherwise returns null.
const CutRows* limit_of(const SelectRowsPlan& plan) {
  const auto* cut = std::get_if<CutRows>(&plan.root->step);
  const bool is_limit = cut && !plan.root->is_shared && cut->keys == 0 && cut->most &&
                        *cut->most > 0 && *cut->most <= kMostWanted && cut->offset <= kMostWanted &&
                        *cut->most + cut->offset <= kMostWanted;
  const bool has_other_sources =
      !plan.system_tables.empty() ||
      std::ranges::any_of(plan.streams, [](const auto& stream) { return stream != nullptr; });
  return is_limit && !has_other_sources ? cut : nullptr;
}

}  // namespace

bool TableReads::has_first() const { return std::ranges::find(ways, Way::First) != ways.end(); }

TableReads table_reads(const SelectRowsPlan& plan, bool may_read_first) {
  using enum TableReads::Way;
  TableReads reads{std::vector(plan.tables.size(), Scan),
                   std::vector<std::optional<KeySource>>(plan.tables.size())};
  ReadTracing tracing(plan);
  tracing.trace(*plan.root);
  const SourceChoice choice(plan, tracing);
  for (size_t table = 0; table < plan.tables.size(); ++table)
    if (plan.tables[table]->keys) reads.ways[table] = Keys;
  if (std::ranges::find(reads.ways, Keys) != reads.ways.end()) {
    choice.add_sources(reads);
    return reads;
  }
  const CutRows* const limit = limit_of(plan);
  if (!may_read_first || !limit || tracing.is_volatile_anywhere()) return reads;
  TableReads of_product = reads;
  of_product.wanted = *limit->most + limit->offset;
  for (const size_t table : tracing.trace(*limit->input).rowwise) {
    const PullPlan& its = *plan.tables[table];
    if (its.limit || its.table->kind != SourceKind::Table || !is_cheap(its)) continue;
    TableReads some = reads;
    some.ways[table] = of_product.ways[table] = First;
    some.wanted = of_product.wanted;
    if (choice.add_sources(some)) return some;
  }
  // Without conditions, each row of a table is paired with each row of the other tables, so the first rows of all
  // tables give enough rows.
  const bool are_first =
      std::ranges::all_of(of_product.ways, [](auto way) { return way == First; });
  return are_first && !tracing.has_join_condition() ? of_product : reads;
}

size_t first_rows_of_part(size_t wanted, size_t parts) {
  return std::max(kFewestFirstRows, 2 * wanted / std::max<size_t>(1, parts) + 1);
}

Result<std::vector<std::string>> keys_of_source(const DataSource& table, const KeySource& source,
                                                const RowsChunks& rows) {
  const auto writer =
      TRY(make_writer(identity_format(table.key_format), table.schema.keys(), Side::Key));
  std::vector<std::string> keys;
  for (const RowsChunk& chunk : rows) {
    std::vector<const Column*> columns;
    for (const uint32_t column : source.columns) columns.push_back(chunk.columns[column].get());
    EncodedRows encoded;
    writer->write(columns, {0, chunk.rows}, nullptr, encoded);
    for (size_t row = 0; row < chunk.rows; ++row) {
      const bool has_null =
          std::ranges::any_of(columns, [row](const Column* each) { return each->is_null(row); });
      if (!has_null && encoded[row]) keys.emplace_back(*encoded[row]);
    }
  }
  std::ranges::sort(keys);
  const auto same = std::ranges::unique(keys);
  keys.erase(same.begin(), same.end());
  return keys;
}

}  // namespace engine

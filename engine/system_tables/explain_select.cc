#include "engine/system_tables/explain_select.h"

#include <fmt/format.h>

#include <set>

#include "base/memory_budget.h"

#include "engine/expr/print_bound.h"
#include "engine/query/select_rows.h"
#include "engine/query/system_rows.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

std::string_view word(JoinType type) {
  switch (type) {
    case JoinType::Inner:
      return "Inner";
    case JoinType::Left:
      return "Left";
    case JoinType::Right:
      return "Right";
    case JoinType::Full:
      return "Full";
  }
  return "";
}

class StepLines {
 public:
  StepLines(const SelectRowsPlan& plan, const TableReads& reads, const RowsProfile* profile)
      : plan_(plan), reads_(reads), profile_(profile) {}

  std::vector<std::string> take(const RowsNode& root) {
    add(root);
    return std::move(lines_);
  }

 private:
  void add(const RowsNode& node) {
    node_ = &node;
    if (node.is_shared && !shown_.insert(&node).second) return add_line("The same rows as above");
    std::visit([&](const auto& step) { show(step, node.layout); }, node.step);
  }
  void add_line(const std::string& text) {
    lines_.push_back(std::string(static_cast<size_t>(depth_) * 2, ' ') + "-> " + text + measured());
  }
  // Returns the measurements of the node that is shown. Some nodes never run, for example an input of a join whose
  // other input is empty.
  std::string measured() const {
    if (!profile_) return {};
    const auto found = profile_->find(node_);
    if (found == profile_->end()) return " (never executed)";
    const StepMeasure& step = found->second;
    return fmt::format(" (actual rows={} time={:.3f} ms memory={}{})", step.rows,
                       static_cast<double>(step.us) / 1000, format_bytes(step.most_bytes),
                       step.runs > 1 ? fmt::format(" loops={}", step.runs) : "");
  }
  template <class... Inputs>
  void add_inputs(const Inputs&... inputs) {
    ++depth_;
    (add(*inputs), ...);
    --depth_;
  }
  static std::string list(const std::vector<BoundExpression>& expressions, const Layout& layout) {
    std::vector<std::string> texts;
    for (const BoundExpression& each : expressions) texts.push_back(to_sql(each, layout));
    return join_list(texts);
  }

  void show(const ReadRows& step, const Layout&) {
    const PullPlan& table = *plan_.tables[step.table];
    std::string line =
        table.keys ? fmt::format("Look up {} {} in table {}", table.keys->size(),
                                 table.keys->size() == 1 ? "key" : "keys", table.table->name)
        : reads_.sources[step.table]
            ? look_up_line(table, *reads_.sources[step.table])
            : fmt::format("Scan {} {}",
                          table.table->kind == SourceKind::Stream ? "stream" : "table",
                          table.table->name);
    if (reads_.ways[step.table] == TableReads::Way::First)
      line += fmt::format(" until the result has {} {}", reads_.wanted,
                          reads_.wanted == 1 ? "row" : "rows");
    if (table.filter) line += ", where " + to_sql(*table.filter, input_layout(*table.table, ""));
    if (table.columns.empty() && !table.filter) line += ", no columns";
    if (table.limit) line += fmt::format(", the first {}", *table.limit);
    add_line(line);
  }
  std::string look_up_line(const PullPlan& table, const KeySource& source) const {
    const PullPlan& from = *plan_.tables[source.table];
    std::vector<std::string> columns;
    for (const uint32_t column : source.columns)
      columns.push_back(from.result.columns[column].name);
    return fmt::format("Look up table {} by {} of table {}, or scan it for more than {} rows",
                       table.table->name, join_list(columns), from.table->name, kMostSourceRows);
  }
  void show(const ReadSystemTable& step, const Layout&) {
    add_line(fmt::format("Scan system table {}.{}", step.table->schema, step.table->name));
  }
  void show(const OuterRows&, const Layout&) { add_line("The rows around"); }
  void show(const RecursiveRows& step, const Layout&) {
    add_line(fmt::format("Recursive union{}", step.all ? " all" : ""));
    add_inputs(step.first, step.step);
  }
  void show(const JoinRows& step, const Layout& layout) {
    std::string line = fmt::format("{} {} join", word(step.type),
                                   step.outer               ? "lateral"
                                   : step.left_keys.empty() ? "nested-loop"
                                                            : "hash");
    if (!step.left_keys.empty() && !step.outer)
      line += fmt::format(" on {} = {}", list(step.left_keys, step.left->layout),
                          list(step.right_keys, step.right->layout));
    if (step.condition) line += ", where " + to_sql(*step.condition, layout);
    add_line(line);
    if (step.otherwise) return add_inputs(step.left, step.right, step.otherwise);
    add_inputs(step.left, step.right);
  }
  void show(const OneRow&, const Layout&) { add_line("One row"); }
  void show(const NoRows&, const Layout&) { add_line("No rows"); }
  void show(const WrittenRows& step, const Layout&) {
    add_line(
        fmt::format("{} {} of VALUES", step.rows.size(), step.rows.size() == 1 ? "row" : "rows"));
  }
  void show(const CombineRows& step, const Layout&) {
    const std::string_view what = step.op == SetOperator::Union       ? "Union"
                                  : step.op == SetOperator::Intersect ? "Intersect"
                                                                      : "Except";
    add_line(fmt::format("{}{}", what, step.all ? " all" : ""));
    add_inputs(step.left, step.right);
  }
  void show(const AppendSubquery& step, const Layout& layout) {
    add_line("Append " + layout.back().name);
    if (step.otherwise) return add_inputs(step.input, step.rows, step.otherwise);
    add_inputs(step.input, step.rows);
  }
  void show(const UnnestRows& step, const Layout&) {
    add_line("Unnest " + list(step.arrays, step.input->layout));
    add_inputs(step.input);
  }
  void show(const FilterRows& step, const Layout& layout) {
    add_line("Filter " + to_sql(step.condition, layout));
    add_inputs(step.input);
  }
  void show(const GroupRows& step, const Layout& layout) {
    std::vector<std::string> aggregates;
    for (size_t i = step.keys.size(); i < layout.size(); ++i) aggregates.push_back(layout[i].name);
    std::string line = step.keys.empty() ? "Aggregate all rows"
                                         : "Group by " + list(step.keys, step.input->layout);
    if (!step.sets.empty()) line += fmt::format(" in {} sets", step.sets.size());
    if (!aggregates.empty()) line += ": " + join_list(aggregates);
    add_line(line);
    add_inputs(step.input);
  }
  void show(const ComputeColumns& step, const Layout&) {
    add_line("Project " + list(step.columns, step.input->layout));
    add_inputs(step.input);
  }
  void show(const WindowRows& step, const Layout& layout) {
    const Layout& input = step.input->layout;
    std::vector<std::string> calls;
    for (size_t i = input.size(); i < layout.size(); ++i) calls.push_back(layout[i].name);
    std::string line = "Window: " + join_list(calls);
    if (!step.partition.empty()) line += ", by " + list(step.partition, input);
    add_line(line);
    add_inputs(step.input);
  }
  void show(const DistinctRows& step, const Layout& layout) {
    std::vector<std::string> columns;
    for (const size_t column : step.columns) columns.push_back(layout[column].name);
    add_line(columns.empty() ? "Distinct" : "Distinct on " + join_list(columns));
    add_inputs(step.input);
  }
  void show(const SortRows& step, const Layout& layout) {
    std::vector<std::string> keys;
    for (const SortKey& key : step.keys)
      keys.push_back(fmt::format("{} {} NULLS {}", layout[key.column].name,
                                 key.is_descending ? "DESC" : "ASC",
                                 key.nulls_first ? "FIRST" : "LAST"));
    add_line("Sort by " + join_list(keys) +
             (step.most ? fmt::format(", the first {}", *step.most) : ""));
    add_inputs(step.input);
  }
  void show(const CutRows& step, const Layout&) {
    if (step.counts) {
      add_line("Limit and offset of a sub-query");
      return add_inputs(step.input, step.counts);
    }
    std::string line = step.most ? fmt::format("Limit {}", *step.most) : "All";
    if (step.offset > 0) line += fmt::format(", after the first {}", step.offset);
    if (step.keys > 0) line += " for each row around";
    add_line(line);
    add_inputs(step.input);
  }

  const SelectRowsPlan& plan_;
  const TableReads& reads_;
  const RowsProfile* const profile_;
  const RowsNode* node_ = nullptr;
  std::set<const RowsNode*> shown_;  // shared nodes that have been shown already
  std::vector<std::string> lines_;
  int depth_ = 0;
};

}  // namespace

std::vector<std::string> select_lines(const SelectRowsPlan& plan, const TableReads& reads,
                                      const RowsProfile* profile) {
  std::vector<std::string> lines{"Result: " + plan.result.to_string()};
  for (std::string& line : StepLines(plan, reads, profile).take(*plan.root))
    lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> analyzed_lines(const SelectRowsPlan& plan, const TableReads& reads,
                                        const RowsProfile& profile, const SelectTimes& times) {
  std::vector<std::string> lines = select_lines(plan, reads, &profile);
  if (!plan.tables.empty())
    lines.push_back(
        fmt::format("Reading Tables: {:.3f} ms", static_cast<double>(times.reading_us) / 1000));
  lines.push_back(fmt::format("Execution Time: {:.3f} ms",
                              static_cast<double>(times.reading_us + times.running_us) / 1000));
  return lines;
}

}  // namespace engine

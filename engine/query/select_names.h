// What names mean in a SELECT over tables: sources, columns, `*`, and what result columns are called.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// What a SELECT reads: a table, or the rows of another query.
struct SelectSource {
  const DataSource* table;  // null: of a query
  std::string alias;        // by which the SELECT addresses it
  Layout columns;
  std::vector<std::string> shown;  // by `*`: keys, the bounds of windows, values
  TextPosition position;
  bool is_bracketed = false;  // a join in brackets: columns have the names of sources within
  bool is_function = false;   // f(x) AS alias
};
SelectSource table_source(const AnalysedSource& found);
// FROM t AS a (x, y): of what `*` shows.
Status rename_columns(const AliasedSource& named, SelectSource& source);
// Fails when `names`, of the columns, are more than the columns.
Result<SelectSource> query_source(const AliasedSource& named, const std::string& alias,
                                  const std::vector<Name>& names, const Schema& rows);

// The sources of one SELECT, and all of their columns one behind the other.
//
// Threads: none. Owner: the planning of one statement.
class SelectNames {
 public:
  // `sources`: those of the query, in its order. Fails with DuplicateSource where two have one name, and where a column
  // of USING is not on both sides.
  static Result<SelectNames> of(const Query& query, std::vector<SelectSource> sources,
                                const PlanContext& context);

  const std::vector<SelectSource>& sources() const { return sources_; }
  const Layout& layout() const { return layout_; }
  // Where the source's columns begin in the layout; of sources().size(): where the last one ends.
  size_t first_column(size_t source) const { return first_columns_[source]; }
  size_t source_of(uint32_t column) const;

  Scope scope(const Layout& layout, std::string_view clause) const;
  // By which columns of the first of the sources may be addressed.
  std::vector<std::string> names_of_first(size_t sources) const;

  // Of a join's USING: the equalities.
  const std::vector<ExpressionPtr>& using_equalities(size_t join) const {
    return using_equalities_[join];
  }

  // A copy whose references are all written in one way, so that expressions that mean the same are equal.
  Result<ExpressionPtr> canonical(const Expression& expression, std::string_view clause) const;
  // Of the first of the sources only, as a join sees them.
  Result<ExpressionPtr> canonical_among(const Expression& expression, std::string_view clause,
                                        size_t sources) const;
  // The items after `*` and `->*`, canonical.
  Result<std::vector<AnalysedItem>> items(const Query& query) const;

 private:
  explicit SelectNames(const PlanContext& context) : context_(context) {}
  Status write_columns_out(FunctionCall& row) const;
  Status rewrite(Expression& expression, const Scope& scope,
                 std::vector<std::string>& parameters) const;
  Status merge_columns(const Query& query);
  Status expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const;
  Status expand_fields(const SelectItem& item, std::vector<AnalysedItem>& out) const;

  // A column of USING, which belongs to both sources.
  struct Merged {
    std::string name;
    uint32_t column;               // that stands for both
    std::vector<uint32_t> others;  // that `*` does not show again
    bool is_either = false;        // of FULL JOIN: the first of all that is not null
  };
  ExpressionPtr reference(uint32_t column, TextPosition position) const;
  ExpressionPtr value_of(const Merged& merged, TextPosition position) const;
  std::vector<Name> merged_names(const Join& join, size_t right) const;

  const PlanContext& context_;
  std::vector<SelectSource> sources_;
  std::vector<Merged> merged_;
  std::vector<std::vector<ExpressionPtr>> using_equalities_;  // by join
  std::vector<size_t> first_columns_;
  Layout layout_;
};

}  // namespace engine

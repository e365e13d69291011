// Resolves the names in a SELECT over tables: sources, columns, `*`, and the names of result columns.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// A source of a SELECT: a table, or the rows of another query.
struct SelectSource {
  const DataSource* table;  // null: the source is a query in FROM
  std::string alias;        // name by which the SELECT addresses it
  Layout columns;
  std::vector<std::string> shown;  // columns that `*` shows: keys, window bounds, then values
  TextPosition position;
  bool is_bracketed = false;  // a join in parentheses: columns keep the names of the sources in it
  bool is_function = false;   // a function: f(x) AS alias
};
SelectSource table_source(const AnalysedSource& found);
// Renames the columns that `*` shows: FROM t AS a (x, y).
Status rename_columns(const AliasedSource& named, SelectSource& source);
// Returns the source for the rows of a query. `names` rename its first columns. Fails if `names` has more entries
// than the rows have columns.
Result<SelectSource> query_source(const AliasedSource& named, const std::string& alias,
                                  const std::vector<Name>& names, const Schema& rows);

// The sources of one SELECT. Their columns have consecutive indexes, in the order of the sources.
//
// Not thread-safe: one thread plans a statement, and the planning owns the object.
class SelectNames {
 public:
  // Resolves the names of a query. `sources` are its sources, in order. Fails with DuplicateSource if two sources
  // have one name, and fails if a column of USING is missing on one side.
  static Result<SelectNames> of(const Query& query, std::vector<SelectSource> sources,
                                const PlanContext& context);

  const std::vector<SelectSource>& sources() const { return sources_; }
  const Layout& layout() const { return layout_; }
  // Returns the index of the source's first column in the layout. For sources().size(), returns the number of all
  // columns.
  size_t first_column(size_t source) const { return first_columns_[source]; }
  size_t source_of(uint32_t column) const;

  Scope scope(const Layout& layout, std::string_view clause) const;
  // Returns the names by which the columns of the first `sources` sources can be addressed.
  std::vector<std::string> names_of_first(size_t sources) const;

  // Returns the equalities that the USING of a join stands for.
  const std::vector<ExpressionPtr>& using_equalities(size_t join) const {
    return using_equalities_[join];
  }

  // Returns a copy of the expression in which all references have one form, so that expressions with the same meaning
  // are equal.
  Result<ExpressionPtr> canonical(const Expression& expression, std::string_view clause) const;
  // Returns the canonical form of an expression whose names refer only to the first `sources` sources, as in
  // the condition of a join.
  Result<ExpressionPtr> canonical_among(const Expression& expression, std::string_view clause,
                                        size_t sources) const;
  // Returns the items of the SELECT list in canonical form, with `*` and `->*` expanded.
  Result<std::vector<AnalysedItem>> items(const Query& query) const;

 private:
  explicit SelectNames(const PlanContext& context) : context_(context) {}
  Status write_columns_out(FunctionCall& row) const;
  Status rewrite(Expression& expression, const Scope& scope,
                 std::vector<std::string>& parameters) const;
  Status merge_columns(const Query& query);
  Status expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const;
  Status expand_fields(const SelectItem& item, std::vector<AnalysedItem>& out) const;

  // A column that USING merges from several sources.
  struct Merged {
    std::string name;
    uint32_t column;               // index of the column that stands for all merged columns
    std::vector<uint32_t> others;  // the other merged columns, which `*` does not show
    bool is_either = false;        // for FULL JOIN: the value is the first one that is not null
  };
  ExpressionPtr reference(uint32_t column, TextPosition position) const;
  ExpressionPtr value_of(const Merged& merged, TextPosition position) const;
  std::vector<Name> merged_names(const Join& join, size_t right) const;

  const PlanContext& context_;
  std::vector<SelectSource> sources_;
  std::vector<Merged> merged_;
  std::vector<std::vector<ExpressionPtr>> using_equalities_;  // equalities of each join's USING
  std::vector<size_t> first_columns_;
  Layout layout_;
};

}  // namespace engine

// What names mean in a SELECT over tables: sources, columns, `*`, and what result columns are called.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// The sources of one SELECT, and all of their columns one behind the other.
//
// Threads: none. Owner: the planning of one statement.
class SelectNames {
 public:
  // Fails with UndefinedSource; with DuplicateSource where two have one name.
  static Result<SelectNames> of(const Query& query, const PlanContext& context);

  const std::vector<AnalysedSource>& sources() const { return sources_; }
  const Layout& layout() const { return layout_; }
  // Where the source's columns begin in the layout; of sources().size(): where the last one ends.
  size_t first_column(size_t source) const { return first_columns_[source]; }
  size_t source_of(uint32_t column) const;

  Scope scope(const Layout& layout, std::string_view clause) const;

  // A copy whose references are all written in one way, so that expressions that mean the same are equal.
  Result<ExpressionPtr> canonical(const Expression& expression, std::string_view clause) const;
  // The items after `*` and `->*`, canonical.
  Result<std::vector<AnalysedItem>> items(const Query& query) const;

 private:
  explicit SelectNames(const PlanContext& context) : context_(context) {}
  Status rewrite(Expression& expression, const Scope& scope,
                 std::vector<std::string>& parameters) const;
  Status expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const;
  Status expand_fields(const SelectItem& item, std::vector<AnalysedItem>& out) const;

  const PlanContext& context_;
  std::vector<AnalysedSource> sources_;
  std::vector<size_t> first_columns_;
  Layout layout_;
};

// As PostgreSQL names a result column that has no alias.
std::string result_name(const Expression& expression);

}  // namespace engine

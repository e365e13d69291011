#include "server/sql/serial/fixed_defaults.h"

#include <utility>

#include "engine/plan/source_schema.h"
#include "engine/sql/parse.h"
#include "engine/sql/postgres_lengths.h"
#include "engine/sql/rewrite.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"
#include "server/sql/temporary_tables.h"

namespace server {

namespace {

using engine::ExpressionPtr;
using engine::SqlType;

bool is_time(const SqlType& type) {
  return type.kind() == engine::TypeKind::Date || type.kind() == engine::TypeKind::Timestamp ||
         engine::has_forms(type);
}
// Returns the type as which a text is parsed before it is replaced by one with a fixed time zone
// and form.
SqlType exact_of(const SqlType& type) {
  return engine::has_forms(type) ? type : engine::exact_time(type);
}

class DefaultFixer {
 public:
  DefaultFixer(const engine::CustomTypes& types, const engine::TextForms& forms)
      : types_(types), forms_(forms) {}

  // Rewrites the times in `sql`, the text of a DEFAULT, so that every session parses them to the
  // same value. Returns whether the text has changed.
  bool fix(std::string& sql, const SqlType& column) const {
    if (sql.find('\'') == std::string::npos) return false;
    auto parsed = engine::parse_expression(sql);
    if (!parsed) return false;
    bool has_changed = is_time(column) && fix_literal(**parsed, column);
    const auto visit = [&](ExpressionPtr& part) -> Status {
      const auto* cast = part->as<engine::Cast>();
      if (!cast) return {};
      const auto type = engine::resolve_type(engine::with_postgres_lengths(cast->type), types_);
      if (type && is_time(*type)) has_changed |= fix_literal(*cast->operand, *type);
      return {};
    };
    if (!engine::rewrite_expression(*parsed, visit, engine::RewriteOrder::ParentsFirst))
      return false;
    if (has_changed) sql = engine::to_sql(**parsed);
    return has_changed;
  }

 private:
  bool fix_literal(engine::Expression& expression, const SqlType& type) const {
    auto* literal = std::get_if<engine::StringLiteral>(&expression.node);
    if (!literal) return false;
    const SqlType exact = exact_of(type);
    auto fixed = engine::normalized_text_in(forms_, exact, literal->value);
    if (!fixed || *fixed == literal->value) return false;
    // If every session parses the text to the same value, the text stays unchanged.
    const auto usual = engine::normalized_text(exact, literal->value);
    const bool says_all = !engine::is_kept_in_utc(exact) || engine::says_zone(literal->value);
    if (says_all && usual && *usual == *fixed) return false;
    literal->value = *std::move(fixed);
    return true;
  }

  const engine::CustomTypes& types_;
  const engine::TextForms& forms_;
};

}  // namespace

std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::TextForms& forms) {
  const DefaultFixer fixer(catalog.types, forms);
  const auto with = [&](auto fixed) -> std::shared_ptr<const engine::ParsedStatement> {
    auto copy = std::make_shared<engine::ParsedStatement>();
    copy->text = statement->text;
    copy->start = statement->start;
    copy->statement = std::move(fixed);
    return copy;
  };
  const auto fix_all = [&](std::vector<engine::TableElement>& elements) {
    bool has_changed = false;
    for (engine::TableElement& element : elements) {
      if (element.default_sql.empty()) continue;
      const auto type =
          engine::read_column_type(element.type, catalog.types, engine::ColumnTypes::OfPostgres);
      has_changed |= type && fixer.fix(element.default_sql, *type);
    }
    return has_changed;
  };
  if (const auto* create = std::get_if<engine::CreateSource>(&statement->statement)) {
    if (!create->is_postgres) return statement;
    engine::CreateSource copy = copy_without_properties(*create);
    return fix_all(copy.elements) ? with(std::move(copy)) : statement;
  }
  if (const auto* alter = std::get_if<engine::AlterColumns>(&statement->statement)) {
    engine::AlterColumns copy = *alter;
    return fix_all(copy.added) ? with(std::move(copy)) : statement;
  }
  if (const auto* alter = std::get_if<engine::AlterDefault>(&statement->statement)) {
    const engine::DataSource* source = catalog.find_source(alter->table.name.text);
    const int index = source ? source->schema.index_of(alter->column.name.text) : -1;
    if (index < 0 || alter->default_sql.empty()) return statement;
    engine::AlterDefault copy = *alter;
    const SqlType& type = source->schema.columns[static_cast<size_t>(index)].type;
    return fixer.fix(copy.default_sql, type) ? with(std::move(copy)) : statement;
  }
  return statement;
}

}  // namespace server

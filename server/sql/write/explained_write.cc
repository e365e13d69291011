#include "server/sql/write/explained_write.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/system_tables/explain_select.h"
#include "engine/types/ascii.h"
#include "server/sql/write/write_plan.h"

namespace server {

namespace {

std::string head_of(const RowsWrite& write) {
  const char* const what = write.kind == RowsWrite::Kind::Delete   ? "Delete from"
                           : write.kind == RowsWrite::Kind::Update ? "Update"
                           : write.is_upsert                       ? "Insert or update"
                                                                   : "Insert into";
  return fmt::format("{} {}", what, write.target->name);
}

}  // namespace

bool explains_write(const engine::Explain& explain, const engine::PlanContext& context) {
  const bool is_text = explain.format == engine::ExplainFormat::Text ||
                       explain.format == engine::ExplainFormat::Json;
  if (explain.analyze || !explain.statement || !is_text) return false;
  const engine::Statement& statement = explain.statement->statement;
  return std::holds_alternative<engine::InsertValues>(statement) || writes_rows(statement, context);
}

Result<std::vector<std::string>> explained_write(
    const engine::Explain& explain, const engine::PlanContext& context,
    const std::function<Status(const engine::DataSource&)>& may_change) {
  const engine::ParsedStatement& written = *explain.statement;
  if (const auto* insert = std::get_if<engine::InsertValues>(&written.statement)) {
    const engine::DataSource* target = engine::find_source(insert->target, context);
    if (!target)
      return Error{
          ErrorCode::UndefinedSource,
          fmt::format("relation \"{}\" does not exist", engine::display_name(insert->target.text))}
          .at(insert->target_position);
    TRY(may_change(*target));
    return std::vector<std::string>{"Insert into " + target->name,
                                    fmt::format("-> Values, {} row{}", insert->rows.size(),
                                                insert->rows.size() == 1 ? "" : "s")};
  }
  RowsWrite write = TRY(plan_rows_write(written.statement, context));
  TRY(may_change(*write.target));
  std::vector<std::string> lines{head_of(write)};
  engine::Explain of_rows;
  of_rows.statement = std::make_unique<engine::ParsedStatement>();
  of_rows.statement->text = written.text;
  of_rows.statement->start = written.start;
  of_rows.statement->statement = std::move(write.rows);
  // The first line is left out: it lists the columns of the SELECT, which are the columns of the
  // table.
  const std::vector<std::string> steps = TRY(engine::explained_lines(of_rows, context));
  lines.insert(lines.end(), steps.begin() + 1, steps.end());
  if (steps.size() == 1) lines.emplace_back("-> One row of constants");
  return lines;
}

}  // namespace server

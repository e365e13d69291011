// Runs COPY from and to the client.
#include <utility>

#include "engine/sql/public_schema.h"
#include "server/pg/copy_input.h"
#include "server/pg/session.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

namespace {

// Returns the query for COPY source TO, which sends the rows of SELECT columns FROM source.
engine::Query query_of_source(const engine::Copy& copy) {
  engine::Query query;
  query.position = copy.source_position;
  query.from.emplace();
  query.from->name = copy.source;
  // The schema of a catalog, or public. Any other schema is a part of the name.
  for (const std::string_view schema :
       {engine::kPublicPrefix, std::string_view("PG_CATALOG."),
        std::string_view("INFORMATION_SCHEMA."), std::string_view("MILLRACE_CATALOG.")}) {
    if (!copy.source.text.starts_with(schema)) continue;
    query.from->schema = engine::Name{std::string(schema.substr(0, schema.size() - 1))};
    query.from->name.text = copy.source.text.substr(schema.size());
  }
  query.from->position = copy.source_position;
  const auto add_item = [&](engine::SelectItemKind kind, engine::ExpressionPtr expression) {
    query.items.push_back({kind, std::move(expression), {}, {}, copy.source_position});
  };
  for (const engine::Name& column : copy.columns) {
    engine::ColumnRef reference;
    reference.name = column;
    add_item(engine::SelectItemKind::Expression,
             engine::make_expression(std::move(reference), copy.source_position));
  }
  if (query.items.empty()) add_item(engine::SelectItemKind::AllColumns, nullptr);
  return query;
}

}  // namespace

Status Session::OwnStatement::operator()(const engine::Copy& copy) {
  CopyOptions options = TRY(read_copy_options(copy));
  return copy.direction == engine::CopyDirection::FromStdin ? copy_in(copy, std::move(options))
                                                            : copy_out(copy, std::move(options));
}

Status Session::OwnStatement::copy_in(const engine::Copy& copy, CopyOptions options) {
  auto input = std::make_unique<CopyInput>(context(), copy, std::move(options), session.waker(),
                                           session.memory_);
  TRY(input->begin());
  session.copy_input_ = input.get();
  ++session.writes_in_transaction_;
  session.has_asked_ = true;
  session.begin_activity(std::move(input), statement.text);
  return {};
}

Status Session::OwnStatement::copy_out(const engine::Copy& copy, CopyOptions options) {
  if (options.format == CopyFormat::Json)
    return Error{ErrorCode::NotSupported, "COPY TO with format \"json\" is not supported yet", "",
                 "Use text or csv."};
  const PreparedStatementPtr query =
      TRY(analyse_query(copy.query ? engine::clone(*copy.query) : query_of_source(copy)));
  TRY(check_forced_columns(options, query->plan->columns));
  PortalRun run;
  run.portal = std::make_shared<Portal>(query, std::vector<engine::Value>{}, std::vector<Format>{},
                                        session.waker());
  run.portal->charge_rows_to(session.memory_);
  run.encoder = make_copy_encoder(query->plan->columns, std::move(options), context().encoding,
                                  context().forms);
  run.start = PortalRun::Start::CopyOut;
  run.command = "COPY";
  session.begin_activity(make_portal_activity(context(), std::move(run)), statement.text);
  return {};
}

}  // namespace server::pg

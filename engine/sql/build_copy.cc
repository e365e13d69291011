#include "engine/sql/build.h"
#include "engine/sql/public_schema.h"

namespace engine {
namespace {

Result<CopyOption> build_option(P::CopyOptionContext& context) {
  CopyOption option;
  option.name = context.identifier() ? to_lower(build_name(*context.identifier()).text) : "null";
  option.position = position_of(context);
  P::CopyValueContext* value = context.copyValue();
  if (!value) return option;
  if (value->names()) {
    option.columns = build_names(value->names());
  } else if (value->string()) {
    option.value = TRY(build_string(*value->string()));
  } else {
    option.value = to_lower(text_of(*value));
  }
  return option;
}

// Builds an option in the spelling of PostgreSQL before version 9: CSV HEADER DELIMITER AS ';'.
Result<CopyOption> build_old_option(P::OldCopyOptionContext& context) {
  CopyOption option;
  option.position = position_of(context);
  switch (context.option->getType()) {
    case P::BINARY:
    case P::CSV:
      option.name = "format";
      option.value = to_lower(context.option->getText());
      return option;
    case P::FORCE:
      option.name = context.QUOTE() ? "force_quote"
                    : context.NOT() ? "force_not_null"
                                    : "force_null";
      option.columns = build_names(context.names());
      if (context.ASTERISK()) option.value = "*";
      return option;
    case P::DELIMITERS:
      option.name = "delimiter";
      break;
    default:
      option.name = to_lower(context.option->getText());
  }
  if (context.string()) option.value = TRY(build_string(*context.string()));
  return option;
}

// Refuses COPY with a file or a program: these would be on the machine of the server. PostgreSQL allows them only
// to superusers, and Millrace to no user.
Status check_endpoint(P::CopyContext& context) {
  if (context.file)
    return Error{ErrorCode::NotSupported,
                 "COPY with a file or a program of the server is not supported"}
        .at(position_of(*context.file))
        .with_hint(
            "Use FROM STDIN or TO STDOUT; in psql, \\copy reads and writes files of the client.");
  const bool is_from = is(context.direction, P::FROM);
  if (is_from && context.STDOUT())
    return syntax_error_at(*context.STDOUT()->getSymbol(), "Expected STDIN.");
  if (!is_from && context.STDIN())
    return syntax_error_at(*context.STDIN()->getSymbol(), "Expected STDOUT.");
  if (is_from && context.query())
    return syntax_error_at(*context.direction, "A query can only be copied TO STDOUT.");
  return {};
}

}  // namespace

Result<Statement> build_copy(P::CopyContext& context) {
  TRY(check_endpoint(context));
  Copy copy;
  copy.direction =
      is(context.direction, P::FROM) ? CopyDirection::FromStdin : CopyDirection::ToStdout;
  if (context.query()) {
    copy.query = TRY(build_query(*context.query()));
  } else {
    if (context.source->bareAlias()) return syntax_error_at(*context.source->bareAlias()->start);
    if (context.source->alias) return syntax_error_at(*context.source->alias->start);
    copy.source = build_name(*context.source->name);
    copy.source_position = position_of(*context.source->name);
    if (context.source->schema) {
      const Name schema = build_name(*context.source->schema);
      copy.source = name_in_schema(schema, std::move(copy.source));
      if (to_upper(schema.text) == "PUBLIC") copy.source.text.insert(0, kPublicPrefix);
    }
    copy.columns = build_names(context.columns);
  }
  if (P::CopyOptionsContext* options = context.copyOptions()) {
    for (P::CopyOptionContext* option : options->copyOption())
      copy.options.push_back(TRY(build_option(*option)));
    for (P::OldCopyOptionContext* option : options->oldCopyOption())
      copy.options.push_back(TRY(build_old_option(*option)));
  }
  return copy;
}

}  // namespace engine

// Converts CREATE, ALTER and DROP SEQUENCE.
#include <fmt/format.h>

#include <charconv>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

// Returns the number of an option. libpg_query omits 0 and negative numbers, so they are read from
// the text of the option, after its keywords.
Result<SequenceOptions::Number> Converter::sequence_number(const Fields& option) const {
  SequenceOptions::Number number;
  const auto offset = static_cast<size_t>(std::max<int64_t>(option.number("location"), 0));
  number.position = position(option.number("location"));
  const auto value = child(option, "arg");
  if (!value) return number;  // an option such as NO MINVALUE
  if (value->kind != "Integer" && value->kind != "Float")
    return not_supported("this value of a sequence's option is", number.position);
  std::string written(value->fields.text("fval"));
  if (value->kind == "Integer") {
    size_t at = offset;
    while (at < text_.size() && !is_ascii_digit(text_[at]) && text_[at] != '-' && text_[at] != ';')
      ++at;
    const bool is_negative = at < text_.size() && text_[at] == '-';
    written = fmt::format(
        "{}{}", is_negative ? "-" : "",
        value->fields.has("ival") ? std::to_string(value->fields.number("ival")) : std::string());
    if (!value->fields.has("ival")) {
      while (at < text_.size() && !is_ascii_digit(text_[at])) ++at;
      while (at < text_.size() && is_ascii_digit(text_[at])) written += text_[at++];
    }
  }
  int64_t read = 0;
  const auto result = std::from_chars(written.data(), written.data() + written.size(), read);
  if (result.ec != std::errc() || result.ptr != written.data() + written.size())
    return Error{ErrorCode::OutOfRange,
                 fmt::format("value \"{}\" is out of range for type bigint", written)}
        .at(number.position);
  number.value = read;
  return number;
}

Result<SequenceOptions> Converter::sequence_options(const Fields& statement) const {
  SequenceOptions options;
  for (const Node& each : pgsql::children(statement, "options")) {
    const Fields& option = each.fields;
    const std::string_view name = option.text("defname");
    const TextPosition at = position(option.number("location"));
    // PostgreSQL reports this error with the code of a syntax error. ErrorCode::SyntaxError is not
    // used here, because it would be reported with the dialect's message.
    const auto twice = [&] {
      return Error{ErrorCode::InvalidParameter, "conflicting or redundant options"}.at(at);
    };
    const auto take = [&](std::optional<SequenceOptions::Number>& to) -> Status {
      if (to) return twice();
      to = TRY(sequence_number(option));
      return {};
    };
    if (name == "as") {
      if (options.type) return twice();
      const auto named = option.part("arg");
      const auto type = child(option, "arg");
      std::vector<std::string> names =
          type ? strings(type->fields, "names") : std::vector<std::string>();
      if (names.empty() && named) names = strings(*named, "names");
      const std::string base = names.empty() ? std::string() : names.back();
      options.type = base == "int2"   ? "smallint"
                     : base == "int4" ? "integer"
                     : base == "int8" ? "bigint"
                                      : base;
      options.type_position = at;
    } else if (name == "start") {
      TRY(take(options.start));
    } else if (name == "increment") {
      TRY(take(options.increment));
    } else if (name == "minvalue") {
      TRY(take(options.min));
    } else if (name == "maxvalue") {
      TRY(take(options.max));
    } else if (name == "cache") {
      TRY(take(options.cache));
    } else if (name == "restart") {
      TRY(take(options.restart));
    } else if (name == "cycle") {
      if (options.cycles) return twice();
      const auto cycles = child(option, "arg");
      options.cycles =
          cycles && (cycles->fields.flag("boolval") || cycles->fields.number("ival") != 0);
    } else if (name == "owned_by") {
      if (options.owner) return twice();
      const auto list = child(option, "arg");
      std::vector<std::string> names =
          list ? strings(list->fields, "items") : std::vector<std::string>();
      SequenceOptions::Owner owner;
      if (names.size() > 1) {
        owner.column = name_of(names.back());
        names.pop_back();
        owner.table = TableName{in_schema(names), at};
      } else if (names.empty() || names.front() != "none") {
        return Error{ErrorCode::InvalidParameter, "invalid OWNED BY option"}.at(at).with_hint(
            "Specify OWNED BY table.column or OWNED BY NONE.");
      }
      options.owner = std::move(owner);
    } else {
      return not_supported(fmt::format("the option {} of a sequence is", upper_case(name)), at);
    }
  }
  return options;
}

Result<Statement> Converter::create_sequence(const Fields& fields) const {
  const auto relation = fields.part("sequence");
  CreateSequence create{fields.flag("if_not_exists"), TRY(table_name(*relation)), {}};
  if (relation->text("relpersistence") == "t")
    return not_supported("a temporary sequence is", create.name.position);
  create.options = TRY(sequence_options(fields));
  return Statement(std::move(create));
}

Result<Statement> Converter::alter_sequence(const Fields& fields) const {
  AlterSequence alter{fields.flag("missing_ok"), TRY(table_name(*fields.part("sequence"))), {}};
  alter.options = TRY(sequence_options(fields));
  return Statement(std::move(alter));
}

Result<Statement> Converter::drop_sequences(const Fields& fields) const {
  DropSequences drop;
  drop.if_exists = fields.flag("missing_ok");
  drop.cascade = fields.text("behavior") == "DROP_CASCADE";
  for (const Node& object : pgsql::children(fields, "objects"))
    drop.names.push_back({in_schema(strings(object.fields, "items")), position(0)});
  return Statement(std::move(drop));
}

}  // namespace engine::pgsql

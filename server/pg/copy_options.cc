#include "server/pg/copy_options.h"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/types/ascii.h"

namespace server::pg {

namespace {

Error bad_option(const engine::CopyOption& option, std::string message) {
  return Error{ErrorCode::InvalidParameter, std::move(message)}.at(option.position);
}

Result<std::string> text_of(const engine::CopyOption& option) {
  if (option.value) return *option.value;
  return bad_option(option, "COPY " + option.name + " requires a value");
}

Result<bool> switch_of(const engine::CopyOption& option) {
  if (!option.value) return true;
  const std::string word = engine::lower_case(*option.value);
  if (word == "true" || word == "on" || word == "1") return true;
  if (word == "false" || word == "off" || word == "0") return false;
  return bad_option(option, option.name + " requires a Boolean value");
}

Result<char> character_of(const engine::CopyOption& option) {
  const std::string text = TRY(text_of(option));
  const bool is_usable = text.size() == 1 && text[0] != '\n' && text[0] != '\r' &&
                         static_cast<unsigned char>(text[0]) < 0x80;
  if (!is_usable)
    return bad_option(option, "COPY " + option.name + " must be a single one-byte character");
  return text[0];
}

Result<CopyFormat> format_of_name(const engine::CopyOption& option) {
  const std::string name = engine::lower_case(TRY(text_of(option)));
  if (name == "text") return CopyFormat::Text;
  if (name == "csv") return CopyFormat::Csv;
  if (name == "json") return CopyFormat::Json;
  if (name == "binary") return CopyFormat::Binary;
  return bad_option(option, "COPY format \"" + name + "\" not recognized")
      .with_hint(
          "The formats are csv, json (one object in each line), text and binary: WITH (FORMAT csv, "
          "HEADER). Other programs convert a file of another format: duckdb -c \"COPY 'f.parquet' "
          "TO "
          "'f.csv' (HEADER)\".");
}

CopyOptions::Columns columns_of(const engine::CopyOption& option) {
  return {option.columns.empty(), option.columns};
}

struct ReadOptions {
  CopyOptions options;
  std::optional<char> delimiter;
  // these options are allowed in CSV mode only
  const engine::CopyOption *quote = nullptr, *escape = nullptr;
  std::optional<std::string> null_text;
};

Status read_option(const engine::CopyOption& option, ReadOptions& into) {
  const std::string& name = option.name;
  if (name == "format")
    into.options.format = TRY(format_of_name(option));
  else if (name == "header") {
    into.options.header_must_match = option.value && engine::lower_case(*option.value) == "match";
    into.options.has_header = into.options.header_must_match || TRY(switch_of(option));
  } else if (name == "delimiter")
    into.delimiter = TRY(character_of(option));
  else if (name == "quote")
    into.quote = &option;
  else if (name == "escape")
    into.escape = &option;
  else if (name == "null")
    into.null_text = TRY(text_of(option));
  else if (name == "force_quote")
    into.options.force_quote = columns_of(option);
  else if (name == "force_not_null")
    into.options.force_not_null = columns_of(option);
  else if (name == "force_null")
    into.options.force_null = columns_of(option);
  else if (name == "encoding") {
    const std::string encoding = engine::lower_case(TRY(text_of(option)));
    if (encoding != "utf8" && encoding != "utf-8")
      return Error{ErrorCode::NotSupported, "encoding \"" + encoding + "\" is not supported yet",
                   "",
                   "Convert the file: iconv -f latin1 -t utf8 old.csv > new.csv. The server "
                   "converts it after SET client_encoding = 'LATIN1'."};
  } else if (name != "freeze") {  // pgbench sends FREEZE; it has no effect here
    return Error{ErrorCode::SyntaxError, "option \"" + name + "\" not recognized"}.at(
        option.position);
  }
  return {};
}

Status check_forced(std::string_view option, const CopyOptions::Columns& forced,
                    std::span<const sql::ResultColumn> columns) {
  for (const engine::Name& name : forced.names) {
    const CopyOptions::Columns alone{.names = {name}};
    if (std::ranges::none_of(
            columns, [&](const sql::ResultColumn& column) { return alone.has(column.name); }))
      return Error{ErrorCode::UndefinedColumn,
                   std::string(option) + " column \"" + name.text + "\" not referenced by COPY"};
  }
  return {};
}

}  // namespace

bool CopyOptions::Columns::has(std::string_view column) const {
  const auto is_same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) ==
           std::toupper(static_cast<unsigned char>(b));
  };
  return all || std::ranges::any_of(names, [&](const engine::Name& name) {
           return std::ranges::equal(name.text, column, is_same);
         });
}

Status check_forced_columns(const CopyOptions& options,
                            std::span<const sql::ResultColumn> columns) {
  TRY(check_forced("FORCE_QUOTE", options.force_quote, columns));
  TRY(check_forced("FORCE_NOT_NULL", options.force_not_null, columns));
  return check_forced("FORCE_NULL", options.force_null, columns);
}

Result<CopyOptions> read_copy_options(const engine::Copy& copy) {
  ReadOptions read;
  std::set<std::string> seen;
  for (const engine::CopyOption& option : copy.options) {
    if (!seen.insert(option.name).second)
      return Error{ErrorCode::SyntaxError, "conflicting or redundant options"}.at(option.position);
    TRY(read_option(option, read));
  }
  CopyOptions& options = read.options;
  options.has_column_list = !copy.columns.empty();
  const bool is_csv = options.format == CopyFormat::Csv;
  const bool is_from = copy.direction == engine::CopyDirection::FromStdin;
  const bool forces_nulls = !options.force_not_null.empty() || !options.force_null.empty();
  if (!is_csv && (read.quote || read.escape))
    return Error{ErrorCode::NotSupported, "COPY quote and escape are only available in CSV mode"};
  if (!is_csv && (forces_nulls || !options.force_quote.empty()))
    return Error{ErrorCode::NotSupported,
                 "COPY force quote, force not null and force null are only available in CSV mode"};
  if (!is_from && options.header_must_match)
    return Error{ErrorCode::NotSupported, "cannot use \"match\" with HEADER in COPY TO"};
  if (is_from && !options.force_quote.empty())
    return Error{ErrorCode::NotSupported, "COPY force quote only available using COPY TO"};
  if (!is_from && forces_nulls)
    return Error{ErrorCode::NotSupported,
                 "COPY force not null and force null are only available using COPY FROM"};
  if (options.format == CopyFormat::Binary &&
      (read.delimiter || read.null_text || options.has_header))
    return Error{ErrorCode::SyntaxError, "cannot specify DELIMITER, NULL or HEADER in BINARY mode"};
  options.delimiter = read.delimiter.value_or(is_csv ? ',' : '\t');
  options.quote = read.quote ? TRY(character_of(*read.quote)) : '"';
  options.escape = read.escape ? TRY(character_of(*read.escape)) : options.quote;
  options.null_text = read.null_text.value_or(is_csv ? "" : "\\N");
  if (is_csv && options.delimiter == options.quote)
    return Error{ErrorCode::InvalidParameter, "COPY delimiter and quote must be different"};
  return options;
}

}  // namespace server::pg

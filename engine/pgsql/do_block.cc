#include "engine/pgsql/do_block.h"

#include <string>
#include <utility>

#include "engine/pgsql/parse_postgres.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

// Returns the text in lower case and without white space, for a comparison with one fixed form.
std::string squeezed(std::string_view text) {
  std::string words = lower_case(text);
  std::erase_if(words, [](char each) { return kSpace.find(each) != kSpace.npos; });
  return words;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == text.npos ? std::string_view()
                            : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// Returns the text of the block, or nothing for another language than PL/pgSQL.
std::optional<std::string> body_of(const Fields& fields) {
  std::optional<std::string> body;
  for (const Node& option : children(fields, "args")) {
    const auto value = child(option.fields, "arg");
    if (!value || value->kind != "String") return std::nullopt;
    const std::string text(value->fields.text("sval"));
    if (option.fields.text("defname") == "as")
      body = text;
    else if (text != "plpgsql")
      return std::nullopt;
  }
  return body;
}

}  // namespace

Result<std::optional<DoBlock>> do_block(const Fields& fields) {
  const std::optional<std::string> body = body_of(fields);
  if (!body) return std::optional<DoBlock>();
  std::vector<std::string_view> parts;
  for (const ScriptPart& part : split_postgres(*body))
    parts.push_back(trimmed(std::string_view(*body).substr(part.begin, part.size)));
  constexpr std::string_view kBegin = "begin";
  if (parts.size() != 3 || squeezed(parts[2]) != "end" || !squeezed(parts[0]).starts_with(kBegin))
    return std::optional<DoBlock>();
  const std::string_view first = trimmed(parts[0].substr(kBegin.size()));
  // The macros of sqlx send this block. The setting does not exist here, so the block does nothing.
  if (squeezed(parts[1]) == "endif" &&
      squeezed(first) ==
          "ifexists(select1frompg_settingswherename='plan_cache_mode')then"
          "setsessionplan_cache_mode='force_generic_plan'")
    return std::optional(DoBlock{Maintain{"DO"}, {}});
  if (squeezed(parts[1]) != "exceptionwhenduplicate_objectthennull" ||
      !squeezed(first).starts_with("createtype"))
    return std::optional<DoBlock>();
  std::vector<ParsedStatement> inner = TRY(parse_postgres(first));
  auto* create = inner.size() == 1 ? std::get_if<CreateType>(&inner.front().statement) : nullptr;
  if (!create) return std::optional<DoBlock>();
  create->if_not_exists = true;
  return std::optional(DoBlock{std::move(*create), std::string(first)});
}

}  // namespace engine::pgsql

// Implements SPLIT and SPLIT_TO_MAP.
#include <absl/container/flat_hash_map.h>

#include <optional>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/text_search.h"
#include "engine/java/utf16.h"

namespace engine {

namespace {

using Text = std::string_view;

size_t one_byte(Text, size_t) { return 1; }

// Calls `take` with each part. An empty delimiter cuts the text after each unit; `unit_size` returns the size of a
// unit.
template <class Take>
void split_each(Text text, Text delimiter, size_t (*unit_size)(Text, size_t), Take take) {
  if (text.empty()) return take(text);
  if (delimiter.empty()) {
    for (size_t at = 0; at < text.size();) {
      const size_t size = unit_size(text, at);
      take(text.substr(at, size));
      at += size;
    }
    return;
  }
  size_t at = 0;
  TextMatches matches(text, delimiter);
  for (size_t found; (found = matches.next()) != TextMatches::kNone; at = found + delimiter.size())
    take(text.substr(at, found - at));
  take(text.substr(at));
}

// Returns an upper bound for the memory of a text's parts. The parts of a long text are counted, those of a short text
// are estimated.
size_t parts_size(Text text, Text delimiter) {
  constexpr size_t kShort = 4096;
  size_t parts = text.size() / std::max<size_t>(delimiter.size(), 1) + 1;
  if (text.size() > kShort && !delimiter.empty()) {
    parts = 1;
    TextMatches matches(text, delimiter);
    while (matches.next() != TextMatches::kNone) ++parts;
  }
  return parts * sizeof(Text);
}

// Splits texts. The parts are views of the text, so no text is copied.
template <size_t (*unit_size)(Text, size_t)>
void split(KernelCall& call) {
  const ArgumentReader<Text> texts(call.args[0]), delimiters(call.args[1]);
  Column& parts = call.out.child(0);
  parts.share_strings_of(*call.args[0].column);
  call.out.share_strings_of(*call.args[0].column);
  for (size_t row = 0; row < call.rows; ++row) {
    bool is_valid = !texts.is_null(row) && !delimiters.is_null(row);
    if (is_valid) {
      const size_t size = parts_size(texts[row], delimiters[row]);
      if (!call.context.take_bytes(size)) {
        call.errors.add(row, call.context.too_large(size));
        is_valid = false;
      } else {
        split_each(texts[row], delimiters[row], unit_size, [&](Text part) { parts.append(part); });
      }
    }
    call.out.close_list(is_valid);
  }
}

// Implements PostgreSQL's string_to_array(). A null delimiter splits into characters, an empty delimiter does not split
// the text, and an empty text becomes an empty array.
Result<Value> string_to_array(const KernelCall& call, std::optional<Text> text,
                              std::optional<Text> delimiter, std::optional<Text> null) {
  if (!text) return Value();
  if (text->empty()) return Value::list({});
  const size_t size = parts_size(*text, delimiter.value_or("")) / sizeof(Text) * sizeof(Value);
  if (!call.context.has_bytes(size)) return call.context.too_large(size);
  ValueList parts;
  const auto take = [&](Text part) {
    parts.push_back(null && part == *null ? Value() : Value::text(std::string(part)));
  };
  if (delimiter && delimiter->empty())
    take(*text);
  else
    split_each(*text, delimiter.value_or(""), character_size, take);
  return Value::list(std::move(parts));
}
Result<Value> string_to_array_of_all(const KernelCall& call, std::optional<Text> text,
                                     std::optional<Text> delimiter) {
  return string_to_array(call, text, delimiter, std::nullopt);
}

Value split_to_map(std::span<const Value> args) {
  const std::string &text = args[0].as_string(), &entry_delimiter = args[1].as_string(),
                    &pair_delimiter = args[2].as_string();
  if (entry_delimiter.empty() || pair_delimiter.empty() || entry_delimiter == pair_delimiter)
    return {};
  ValueMap entries;
  absl::flat_hash_map<Text, size_t> places;  // index of each key in `entries`
  split_each(text, entry_delimiter, character_size, [&](Text entry) {
    const size_t cut = find_text(entry, pair_delimiter);
    if (cut == Text::npos) return;
    const Text key = entry.substr(0, cut), rest = entry.substr(cut + pair_delimiter.size());
    Value value = Value::text(std::string(rest.substr(0, find_text(rest, pair_delimiter))));
    const auto [place, is_new] = places.try_emplace(key, entries.size());
    if (is_new)
      entries.emplace_back(Value::text(std::string(key)), std::move(value));
    else
      entries[place->second].second = std::move(value);
  });
  return Value::map(std::move(entries));
}

constexpr FunctionDef kSplittingDefs[] = {
    {.name = "split",
     .signature = "(STRING string, STRING delimiter) -> ARRAY<STRING>",
     .doc = "The parts between delimiters; an empty delimiter gives the characters.",
     .example = "SPLIT('a.b', '.') = ARRAY['a', 'b']",
     .kernel = split<character_size>},
    {.name = "split",
     .signature = "(BYTES bytes, BYTES delimiter) -> ARRAY<BYTES>",
     .doc = "The parts between delimiters; an empty delimiter gives single bytes.",
     .example = "ARRAY_LENGTH(SPLIT(TO_BYTES('a.b', 'utf8'), TO_BYTES('.', 'utf8'))) = 2",
     .kernel = split<one_byte>},
    {.name = "string_to_array",
     .signature = "(STRING string, STRING delimiter) -> ARRAY<STRING>",
     .doc = "Splits a text, as in PostgreSQL: a null delimiter returns the characters, an empty "
            "delimiter the unchanged text, and an empty text no elements.",
     .example = "STRING_TO_ARRAY('a,b', ',') = ARRAY['a', 'b']",
     .kernel = row_kernel<string_to_array_of_all>},
    {.name = "string_to_array",
     .signature = "(STRING string, STRING delimiter, STRING null_string) -> ARRAY<STRING>",
     .doc = "Splits a text, as in PostgreSQL; parts that equal the third argument become null.",
     .example = "ARRAY_LENGTH(STRING_TO_ARRAY('a,-', ',', '-')) = 2",
     .kernel = row_kernel<string_to_array>},
    {.name = "split_to_map",
     .signature = "(STRING input, STRING entry_delimiter, STRING kv_delimiter) -> "
                  "MAP<STRING, STRING>",
     .doc = "The key-value pairs in a text.",
     .example = "SPLIT_TO_MAP('a:1/b:2', '/', ':')['b'] = '2'",
     .kernel = value_kernel<split_to_map>},
};

}  // namespace

const FunctionFamily kSplittingFunctions{"STRING", kSplittingDefs};

}  // namespace engine

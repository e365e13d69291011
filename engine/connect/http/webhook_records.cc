#include "engine/connect/http/webhook_records.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/connect/transforms/connect_record.h"
#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr size_t kMostRecords = 10'000;

Error too_many() {
  return {ErrorCode::LimitExceeded,
          fmt::format("a request has more than {} records", kMostRecords)};
}

// Returns the part before the next separator, and removes both from the text.
std::string_view take_part(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

// Decodes a name or value of a form (https://url.spec.whatwg.org/#urlencoded-parsing).
std::string form_text(std::string_view encoded) {
  std::string text;
  for (size_t i = 0; i < encoded.size(); ++i) {
    constexpr size_t kDigits = 2;
    constexpr int kHex = 16;
    unsigned char byte = 0;
    if (encoded[i] == '%' && i + kDigits < encoded.size() &&
        std::from_chars(&encoded[i + 1], &encoded[i] + 1 + kDigits, byte, kHex).ptr ==
            &encoded[i] + 1 + kDigits) {
      text += static_cast<char>(byte);
      i += kDigits;
    } else {
      text += encoded[i] == '+' ? ' ' : encoded[i];
    }
  }
  return text;
}

Result<JsonTree> form(std::string_view body) {
  constexpr size_t kMostParameters = 1'000;
  JsonTree object{.kind = JsonKind::Object};
  while (!body.empty()) {
    std::string_view parameter = take_part(body, '&');
    if (parameter.empty()) continue;
    const std::string name = form_text(take_part(parameter, '='));
    std::string value = form_text(parameter);
    if (!is_utf8(name) || !is_utf8(value))
      return Error{ErrorCode::InvalidText, "the form is not UTF-8"};
    set_member(object, name, json_text(value));
    if (object.members.size() > kMostParameters)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("the form has more than {} parameters", kMostParameters)};
  }
  return object;
}

// Returns the member or item that a JSON pointer names (RFC 6901), or null.
const JsonTree* find_pointed(const JsonTree& value, std::string_view pointer) {
  const JsonTree* at = &value;
  pointer.remove_prefix(1);
  while (at != nullptr) {
    const bool is_last = pointer.find('/') == pointer.npos;
    std::string name;
    const std::string_view part = take_part(pointer, '/');
    for (size_t i = 0; i < part.size(); ++i) {
      const bool is_escape = part[i] == '~' && i + 1 < part.size();
      name += !is_escape ? part[i] : part[++i] == '1' ? '/' : '~';
    }
    if (at->kind == JsonKind::Array) {
      size_t index = SIZE_MAX;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
      const bool is_index =
          error == std::errc() && end == name.data() + name.size() && index < at->items.size();
      at = is_index ? &at->items[index] : nullptr;
    } else {
      at = at->find(name);
    }
    if (is_last) break;
  }
  return at;
}

WebhookRecord record_of(const WebhookSource& source, const JsonTree& value, std::string text) {
  WebhookRecord record{std::nullopt, std::move(text)};
  if (source.key_pointer.empty()) return record;
  const JsonTree* key = find_pointed(value, source.key_pointer);
  if (key != nullptr && !key->is_null())
    record.key = key->kind == JsonKind::String ? key->text : json_tree_text(*key);
  return record;
}

Result<std::vector<WebhookRecord>> lines(const WebhookSource& source, std::string_view body) {
  std::vector<WebhookRecord> records;
  for (size_t number = 1; !body.empty(); ++number) {
    std::string_view line = take_part(body, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto value = parse_json_tree(line);
    if (!value)
      return Error{value.error().code, fmt::format("line {}: {}", number, value.error().message)};
    records.push_back(record_of(source, *value, std::string(line)));
    if (records.size() > kMostRecords) return too_many();
  }
  return records;
}

}  // namespace

Result<std::vector<WebhookRecord>> webhook_records(const WebhookSource& source,
                                                   std::string_view content_type,
                                                   std::string_view body) {
  if (source.format == WebhookFormat::Text)
    return std::vector<WebhookRecord>{{std::nullopt, std::string(body)}};
  std::string_view rest = content_type;
  std::string_view type = take_part(rest, ';');
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (equals_ignoring_case(type, "application/x-ndjson") ||
      equals_ignoring_case(type, "application/jsonl"))
    return lines(source, body);
  if (equals_ignoring_case(type, "application/x-www-form-urlencoded")) {
    const JsonTree object = TRY(form(body));
    return std::vector<WebhookRecord>{record_of(source, object, json_tree_text(object))};
  }
  const JsonTree value = TRY(parse_json_tree(body));
  if (value.kind != JsonKind::Array)
    return std::vector<WebhookRecord>{record_of(source, value, std::string(body))};
  if (value.items.size() > kMostRecords) return too_many();
  std::vector<WebhookRecord> records;
  for (const JsonTree& item : value.items)
    records.push_back(record_of(source, item, json_tree_text(item)));
  return records;
}

}  // namespace engine

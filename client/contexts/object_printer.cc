#include "client/contexts/object_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/sql/result_printer.h"
#include "client/sql/text_width.h"

namespace client {

namespace {

std::string padded(std::string_view text, size_t width) {
  std::string result(text);
  result.append(width - std::min(width, display_width(text)), ' ');
  return result;
}

std::string json_object(const Object& object, std::string_view indent) {
  std::string json = "{\n";
  for (const Field& field : object)
    json += fmt::format("{}  {}: {}{}\n", indent, to_json(Cell(field.name), 0),
                        field.is_json ? field.value : to_json(Cell(field.value), 0),
                        &field == &object.back() ? "" : ",");
  return json.append(indent) + "}";
}

}  // namespace

Result<ObjectFormat> parse_object_format(std::string_view name) {
  if (name == "human") return ObjectFormat::Human;
  if (name == "json") return ObjectFormat::Json;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("there is no output format \"{}\"", name),
               {},
               "The formats are human and json."};
}

std::string format_object(const Object& object, ObjectFormat format) {
  if (format == ObjectFormat::Json) return json_object(object, "") + '\n';
  size_t titles = 0, values = 0;
  for (const Field& field : object) {
    titles = std::max(titles, display_width(field.title));
    values = std::max(values, display_width(field.value));
  }
  const std::string rule = fmt::format("+{:-<{}}+{:-<{}}+\n", "", titles + 2, "", values + 2);
  std::string text = rule;
  for (const Field& field : object)
    text += fmt::format("| {} | {} |\n", padded(field.title, titles), padded(field.value, values));
  return text + rule;
}

std::string format_list(const std::vector<Object>& objects, ObjectFormat format) {
  if (format == ObjectFormat::Json) {
    std::string json = "[";
    for (const Object& object : objects)
      json += (&object == &objects.front() ? "\n  " : ",\n  ") + json_object(object, "  ");
    return json + (objects.empty() ? "]\n" : "\n]\n");
  }
  if (objects.empty()) return "None found.\n";
  std::string titles, rule, rows;
  std::vector<size_t> widths;
  for (size_t i = 0; i < objects.front().size(); ++i) {
    widths.push_back(display_width(objects.front()[i].title));
    for (const Object& object : objects)
      widths[i] = std::max(widths[i], display_width(object[i].value));
    const size_t blanks = widths[i] - display_width(objects.front()[i].title);
    titles += fmt::format("{}  {:{}}{}{:{}} ", i > 0 ? "|" : "", "", blanks / 2,
                          objects.front()[i].title, "", blanks - blanks / 2);
    rule += fmt::format("{}{:-<{}}", i > 0 ? "+" : "", "", widths[i] + 3);
  }
  for (const Object& object : objects) {
    for (size_t i = 0; i < object.size(); ++i)
      rows += fmt::format("{}  {} ", i > 0 ? "|" : "", padded(object[i].value, widths[i]));
    rows += '\n';
  }
  return fmt::format("{}\n{}\n{}", titles, rule, rows);
}

}  // namespace client

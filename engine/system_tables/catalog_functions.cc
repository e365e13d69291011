#include "engine/system_tables/catalog_functions.h"

#include <algorithm>
#include <charconv>

#include "engine/types/ascii.h"
#include "engine/types/postgres_type.h"

namespace engine {

namespace {

std::vector<int64_t> numbers_in(std::string_view text) {
  std::vector<int64_t> numbers;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    int64_t number = 0;
    std::from_chars(text.data(), text.data() + blank, number);
    numbers.push_back(number);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return numbers;
}

}  // namespace

std::vector<CatalogFunctionRow> catalog_functions(CatalogObjects objects) {
  std::vector<CatalogFunctionRow> rows;
  for (const PostgresFunction& each : postgres_functions())
    rows.push_back({each.oid, std::string(each.name), numbers_in(each.argument_types), each.result,
                    std::string(each.arguments), std::string(each.result_name)});
  for (const Registry::Entry& entry : Registry::instance().entries())
    for (const Overload& overload : entry.overloads) {
      const std::string arguments = overload.signature.parameters_to_string();
      CatalogFunctionRow& row = rows.emplace_back();
      row.oid = objects.number_of("function", entry.name + arguments);
      row.name = lower_case(entry.name.substr(entry.name.find('.') + 1));
      row.argument_types.assign(overload.signature.parameters.size(), oid::kText);
      row.result = oid::kText;
      row.arguments = arguments;
      row.result_name = overload.signature.result.to_string();
      if (entry.kind == CallKind::Aggregate) row.kind = 'a';
      row.gives_rows = entry.kind == CallKind::Table;
    }
  return rows;
}

}  // namespace engine

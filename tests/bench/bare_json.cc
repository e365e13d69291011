#include "tests/bench/bare_json.h"

#include <simdjson.h>

#include <charconv>

namespace bench {

namespace {

using simdjson::ondemand::object;

struct Flight {
  std::string_view date;  // as in the record: a text in quotes, or a number
  std::string_view origin, destination;
  int64_t delay = 0, distance = 0;
};

bool read(object fields, Flight& flight) {
  simdjson::ondemand::value date;
  if (fields["date"].get(date)) return false;
  flight.date = date.raw_json_token();
  return !fields["delay"].get(flight.delay) && !fields["distance"].get(flight.distance) &&
         !fields["origin"].get(flight.origin) && !fields["destination"].get(flight.destination);
}

bool read(simdjson::ondemand::parser& parser, std::string_view record, Flight& flight) {
  const simdjson::padded_string_view padded(record.data(), record.size(),
                                            record.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  object fields;
  return !parser.iterate(padded).get(document) && !document.get_object().get(fields) &&
         read(fields, flight);
}

void print(std::string& out, int64_t number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

}  // namespace

size_t bare_parse(const std::vector<std::string_view>& records, BareColumns& columns) {
  simdjson::ondemand::parser parser;
  Flight flight;
  size_t count = 0;
  for (const std::string_view record : records) {
    if (!read(parser, record, flight)) continue;
    columns.date[count] = flight.date;
    columns.delay[count] = flight.delay;
    columns.distance[count] = flight.distance;
    columns.origin[count] = flight.origin;
    columns.destination[count] = flight.destination;
    ++count;
  }
  return count;
}

size_t bare_parse_and_print(const std::vector<std::string_view>& records, std::string& out) {
  simdjson::ondemand::parser parser;
  Flight flight;
  size_t count = 0;
  for (const std::string_view record : records) {
    if (!read(parser, record, flight)) continue;
    out += "{\"DATE\":";
    out += flight.date;
    out += ",\"DELAY\":";
    print(out, flight.delay);
    out += ",\"DISTANCE\":";
    print(out, flight.distance);
    out += ",\"ORIGIN\":\"";
    out += flight.origin;
    out += "\",\"DESTINATION\":\"";
    out += flight.destination;
    out += "\"}";
    ++count;
  }
  return count;
}

}  // namespace bench

// Converts texts and JSON values of files to values of a SpoolDir connector's schema, as the class
// Parser of connect-utils does (github.com/jcustenborder/connect-utils).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/java/java_time.h"
#include "engine/java/time_zone.h"

namespace engine {

// The patterns of the properties parser.timestamp.date.formats, of which the first one that matches
// is used, and the zone of parser.timestamp.timezone.
//
// Threads: any. Owner: the reader of a file.
class SpoolTimes {
 public:
  // Fails with InvalidParameter if a pattern is not one of SimpleDateFormat, or if the zone is
  // unknown.
  static Result<SpoolTimes> make(const std::vector<std::string>& patterns, std::string_view zone);
  // Returns the milliseconds since 1970 that clocks in the zone show; nothing if no pattern
  // matches.
  std::optional<int64_t> local_ms(std::string_view text) const;
  const TimeZone& zone() const { return zone_; }

 private:
  struct Pattern {
    TimePattern pattern;
    bool has_zone;  // the text contains a zone, which replaces `zone_`
  };
  SpoolTimes(std::vector<Pattern> patterns, TimeZone zone)
      : patterns_(std::move(patterns)), zone_(std::move(zone)) {}
  std::vector<Pattern> patterns_;
  TimeZone zone_;
};

// Convert a text of a CSV file, or a value of a JSON file, to the form in which JsonConverter
// writes a value of the schema: a Timestamp is a number of milliseconds, a Decimal is base64. An
// absent value gets the default of the schema, or is null if the schema is optional. Fail with
// InvalidText if the value does not have the type of the schema.
Result<JsonTree> spool_value_of_text(const JsonTree& schema, const std::optional<std::string>& text,
                                     const SpoolTimes& times);
Result<JsonTree> spool_value_of_json(const JsonTree& schema, const JsonTree* value,
                                     const SpoolTimes& times);

}  // namespace engine

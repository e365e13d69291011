// Finds the greatest numbers in SERIAL columns in the rows of a log: in a cluster the sequences of
// these columns continue after them.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"

namespace server {

// The greatest numbers by table and column; absent if no row has a number above 0.
using GreatestSerials = std::map<std::string, std::map<std::string, int64_t>>;

struct SerialSurvey {
  GreatestSerials greatest = {};
  std::vector<std::string> unreadable = {};  // tables whose rows cannot be read, and the reason
};
// Reads all records of the topics of tables with SERIAL columns, also the records of deleted rows.
Result<SerialSurvey> serials_in(storage::Log& log, const MetadataImage& image);

}  // namespace server

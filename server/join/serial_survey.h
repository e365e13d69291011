// Finds the greatest numbers in SERIAL columns in the rows of a log. In a cluster the sequences of
// these columns continue after these numbers.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"

namespace server {

// The greatest number of each SERIAL column, by table and column. A column has no entry if no row
// has a number above 0.
using GreatestSerials = std::map<std::string, std::map<std::string, int64_t>>;

struct SerialSurvey {
  GreatestSerials greatest = {};
  // Texts with the names of tables whose rows cannot be read, and the reason.
  std::vector<std::string> unreadable = {};
};
// Reads all records of the topics of tables with SERIAL columns, including those of rows that were
// deleted later.
Result<SerialSurvey> serials_in(storage::Log& log, const MetadataImage& image);

}  // namespace server

// The topics of records of a sink after its transforms, for sinks that write objects with the names of topics.
#pragma once
#include <string>
#include <vector>

#include "engine/connect/properties.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// Returns the name of the topic after the transforms; the topic itself if a property of the transforms is wrong.
std::string routed_topic(const PropertyValues& values, const RecordForms& forms,
                         const std::string& topic);

// Adds the problems of transforms that would give objects of several topics one name, or the records of one topic several
// names.
void check_routes_of_objects(const PropertyValues& values, const RecordForms& forms,
                             const std::vector<std::string>& topics,
                             std::vector<WrongProperty>& wrong);

}  // namespace engine

// Debian's Calcium, with the FLINT, Arb and Antic that it stands on.
#pragma once
#include <arb.h>
#include <acb.h>
#include <calcium/ca.h>

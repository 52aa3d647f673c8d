// In place of packages that the bundle does not need; see build.mjs.
module.exports = {};

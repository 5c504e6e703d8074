'use strict';

require('./phase.js').start('main');

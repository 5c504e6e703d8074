'use strict';

require('./phase.js').start('post');
